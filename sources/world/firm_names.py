"""Names of employers: common cores and rare ones, near-identical cooperatives, public bodies.

Belongs here: how a firm's true name is made. Does not belong here: how registers spell it
(damage).
"""

from __future__ import annotations

from sources.world.draws import Draws

COMMON = [
    "SUMBER",
    "JAYA",
    "MAJU",
    "ABADI",
    "MAKMUR",
    "SEJAHTERA",
    "BERSAMA",
    "KARYA",
    "MANDIRI",
    "UTAMA",
    "INDO",
    "NUSANTARA",
    "PRATAMA",
    "SENTOSA",
    "LESTARI",
    "CIPTA",
    "MITRA",
    "SURYA",
    "BINTANG",
    "CAHAYA",
    "MULIA",
    "ANUGERAH",
    "BERKAT",
    "DUTA",
    "GLOBAL",
    "GRAHA",
    "INTI",
    "JASA",
    "KENCANA",
    "MEGA",
    "MULTI",
    "PERKASA",
    "PRIMA",
    "PUTRA",
    "RAYA",
    "SARANA",
    "SINAR",
    "TIRTA",
    "TRI",
    "TUNAS",
    "WAHANA",
    "WIRA",
    "ADI",
    "AGUNG",
    "ALAM",
    "ANEKA",
    "ARTHA",
    "BUANA",
    "BUMI",
    "DHARMA",
    "EKA",
    "GEMILANG",
    "HARAPAN",
    "INDAH",
    "JATI",
]
RARE_HEADS = [
    "AKSA",
    "ALTRA",
    "ANTARA",
    "ARKANA",
    "ASTRI",
    "BAHTERA",
    "BALARAMA",
    "BRATA",
    "CANDI",
    "DANA",
    "DELTA",
    "DIRGA",
    "ELANG",
    "FAJAR",
    "GARDA",
    "GATRA",
    "HASTA",
    "HULU",
    "JALA",
    "KALA",
    "KAPU",
    "KIRANA",
    "LANGIT",
    "LARAS",
    "MAHA",
    "MANDALA",
    "MERA",
    "NAWA",
    "NIRA",
    "OMEGA",
    "PANDU",
    "PARA",
    "PATRIA",
    "PELANGI",
    "RAJA",
    "RATU",
    "REKSA",
    "SAMUDRA",
    "SANGGA",
    "SAPTA",
    "SATYA",
    "SEKAR",
    "TALENTA",
    "TARUMA",
    "TEJA",
    "TITIAN",
    "UJUNG",
    "VARIA",
    "WANA",
    "WIJA",
    "YUDHA",
    "ZAM",
]
RARE_TAILS = [
    "BUANA",
    "DAYA",
    "GUNA",
    "INDO",
    "JAYA",
    "KARSA",
    "KENCANA",
    "LOKA",
    "MAS",
    "MULYA",
    "NUSA",
    "PERSADA",
    "PURA",
    "RAGA",
    "RASA",
    "SAKTI",
    "SAMPOERNA",
    "SARI",
    "TAMA",
    "TANI",
    "TEKNIK",
    "TEX",
    "TRANS",
    "USAHA",
    "VISTA",
    "WANGSA",
    "WIRA",
    "YASA",
    "ZAMAN",
    "BORNEO",
    "JAWA",
]
TRADES = {
    "A": "PERKEBUNAN AGRO TANI SAWIT KEBUN AGRINDO",
    "B": "MINING TAMBANG COAL ENERGI MINERAL",
    "C": "INDUSTRI TEXTILE GARMENT FURNITURE PLASTIK MANUFACTURING PANGAN",
    "D": "ENERGI POWER LISTRIK GAS",
    "E": "TIRTA LINGKUNGAN RECYCLE",
    "F": "KONSTRUKSI KARYA=BANGUN CONTRACTOR BETON",
    "G": "NIAGA TRADING DISTRIBUSI MOTOR ELEKTRONIK",
    "H": "TRANS LOGISTIK EKSPEDISI SHIPPING TRANSPORT",
    "I": "HOTEL RESTO BOGA CATERING WISATA",
    "J": "MEDIA DIGITAL TEKNOLOGI INFORMATIKA NET",
    "K": "FINANCE BPR=ARTHA INSURANCE SEKURITAS MULTIFINANCE",
    "L": "PROPERTI LAND REALTY GRAHA",
    "MN": "KONSULTAN SECURITY OUTSOURCING SOLUSI SERVICE",
    "O": "DINAS",
    "P": "PENDIDIKAN ISLAM=TERPADU BUNDA CENDEKIA",
    "Q": "MEDIKA HUSADA KLINIK SEHAT",
    "RSTU": "JASA LAUNDRY SALON SALON=KECANTIKAN BENGKEL",
}
STREETS = (
    "RAYA INDUSTRI",
    "JENDERAL SUDIRMAN",
    "GATOT SUBROTO",
    "AHMAD YANI",
    "RAYA BYPASS",
    "PANGERAN ANTASARI",
    "SOEKARNO HATTA",
    "VETERAN",
    "HAYAM WURUK",
    "RAYA UTARA",
)
OFFICES = {
    "O": ("DINAS PEKERJAAN UMUM", "SEKRETARIAT DAERAH", "BADAN PENDAPATAN DAERAH",
          "KANTOR KECAMATAN", "SATUAN POLISI PAMONG PRAJA", "DINAS LINGKUNGAN HIDUP"),
    "P": ("DINAS PENDIDIKAN", "SMA NEGERI 1", "SMP NEGERI 2", "KORWIL PENDIDIKAN"),
    "Q": ("RSUD", "DINAS KESEHATAN", "UPTD PUSKESMAS"),
}  # fmt: skip
COOPERATIVE_KINDS = (
    "KSP",
    "KSU",
    "KPRI",
    "KUD",
    "KOPERASI KARYAWAN",
    "KSPPS BMT",
    "KOPERASI PRODUSEN",
    "KOPERASI KONSUMEN",
)


def _rare(d: Draws, tag: str) -> str:
    return (
        f"{d.pick('firm', tag + ' head', RARE_HEADS)} || "
        f"{d.pick('firm', tag + ' tail', RARE_TAILS)}"
    )


def _common(d: Draws, tag: str) -> str:
    listed = ", ".join(f"'{word}'" for word in COMMON)
    return f"[{listed}][1 + floor({len(COMMON)} * pow({d.unit('firm', tag)}, 1.6))::INTEGER]"


def name_sql(d: Draws) -> str:
    """SQL of a firm's name from the columns of `formed`, legal form and all."""
    trade = "CASE sector " + " ".join(
        f"WHEN '{code}' THEN "
        + d.pick("firm", "trade", [w.replace("=", " ") for w in words.split()])
        for code, words in TRADES.items()
    )
    trade += " END"
    core = f"""CASE
        WHEN {d.unit("firm", "core")} < 0.34
            THEN {_common(d, "c1")} || ' ' || nullif({_common(d, "c2")}, {_common(d, "c1")})
        WHEN {d.unit("firm", "core")} < 0.62 THEN {_rare(d, "r1")} || ' ' || {_common(d, "c3")}
        WHEN {d.unit("firm", "core")} < 0.86 THEN {_rare(d, "r2")} || ' ' || {trade}
        ELSE {_common(d, "c4")} || ' ' || {_rare(d, "r3")} || ' ' || {trade} END"""
    core = f"coalesce({core}, {_rare(d, 'r4')} || ' MANDIRI')"
    offices = "CASE sector " + " ".join(
        f"WHEN '{code}' THEN {d.pick('firm', 'office', names)}" for code, names in OFFICES.items()
    )
    offices += " ELSE 'UPT DINAS' END"
    return f"""CASE kind
        WHEN 'public' THEN {offices} || CASE WHEN {d.unit("firm", "unit")} < 0.4
            THEN ' ' || village ELSE '' END || ' ' || regency_name
        WHEN 'cooperative' THEN CASE WHEN sector = 'G' THEN
            CASE WHEN town THEN 'KOPERASI KELURAHAN MERAH PUTIH ' ELSE 'KOPERASI DESA MERAH PUTIH '
            END || village
            ELSE {d.pick("firm", "coop", COOPERATIVE_KINDS)} || ' ' || {core} END
        ELSE CASE legal_form
            WHEN 'PT' THEN 'PT ' WHEN 'PT PERORANGAN' THEN 'PT ' WHEN 'CV' THEN 'CV '
            WHEN 'UD' THEN 'UD ' WHEN 'YAYASAN' THEN 'YAYASAN ' ELSE
            {d.pick("firm", "shop", ["TOKO ", "WARUNG ", "RUMAH MAKAN ", "BENGKEL ", ""])} END
            || {core} END"""
