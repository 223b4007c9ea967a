// Elements of the page: made of text only, never of markup, so that a name is just a name.
Cakupan.elements = (function () {
  function el(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name === "on") for (const [event, act] of Object.entries(value)) made.addEventListener(event, act);
      else if (name === "style") Object.assign(made.style, value);
      else made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
    return made;
  }
  function fill(id, ...children) {
    const place = document.getElementById(id);
    place.replaceChildren(...children.flat(3).filter(Boolean));
    return place;
  }
  return { el, fill };
})();
