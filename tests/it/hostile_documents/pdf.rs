//! Hostile PDFs: bombs through every chain of filters, in every place that is decompressed, in
//! every spelling that a parser accepts; and documents that include themselves repeatedly.

use super::filters::{self, ALL, Filter};
use super::{Document, Fate};

/// The objects of a PDF; object 1 is its root.
#[derive(Default)]
struct File {
    objects: Vec<Vec<u8>>,
    trailer: String,
}

impl File {
    /// Returns a page with this content; other objects that it uses start at number 6.
    fn page(content: Vec<u8>, resources: &str) -> Self {
        let mut file = Self::default();
        file.add("<</Type/Catalog/Pages 2 0 R>>");
        file.add("<</Type/Pages/Kids[3 0 R]/Count 1>>");
        file.add(&format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>{resources}>>>>"
        ));
        file.objects.push(content);
        file.add("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
        file
    }

    fn add(&mut self, object: &str) -> &mut Self {
        self.objects.push(object.as_bytes().to_vec());
        self
    }

    fn stream(&mut self, dictionary: &str, data: &[u8]) -> &mut Self {
        self.objects.push(stream(dictionary, data));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let (mut bytes, mut places) = (b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n".to_vec(), Vec::new());
        for (number, object) in (1..).zip(&self.objects) {
            places.push(bytes.len());
            bytes.extend(format!("{number} 0 obj\n").into_bytes());
            bytes.extend(object);
            bytes.extend(b"\nendobj\n");
        }
        let start = bytes.len();
        let rows: String = places.iter().map(|at| format!("{at:010} 00000 n \n")).collect();
        let count = places.len() + 1;
        let trailer = &self.trailer;
        bytes.extend(
            format!(
                "xref\n0 {count}\n0000000000 65535 f \n{rows}trailer\n<</Size {count}/Root 1 0 R{trailer}>>\n\
                 startxref\n{start}\n%%EOF\n"
            )
            .into_bytes(),
        );
        bytes
    }
}

fn stream(dictionary: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = format!("<<{dictionary}/Length {}>>\nstream\n", data.len()).into_bytes();
    bytes.extend(data);
    bytes.extend(b"\nendstream");
    bytes
}

/// A page content with a line of text.
const HELLO: &[u8] = b"BT /F 12 Tf 50 700 Td (The shop opens at nine in the morning.) Tj ET";

/// Returns a page with a line of text and a hostile instruction.
fn with(resources: &str, show: &[u8]) -> File {
    File::page(stream("", &[HELLO, b" ", show].concat()), resources)
}

/// Returns a page whose content is this stream.
fn content(dictionary: &str, data: &[u8]) -> Vec<u8> {
    File::page(stream(dictionary, data), "").bytes()
}

pub(super) fn all() -> Vec<Document> {
    let mut all = chains();
    all.extend(spellings());
    all.extend(places());
    all.extend(again());
    all
}

fn doc(name: &str, bytes: Vec<u8>, fate: Fate) -> Document {
    Document { name: format!("pdf-{name}.pdf"), bytes, fate }
}

/// Every expanding filter inside every other one, and three levels deep.
fn chains() -> Vec<Document> {
    let mut all = Vec::new();
    let name = |chain: &[Filter]| {
        chain.iter().map(|filter| format!("/{}", filter.names()[0])).collect::<String>()
    };
    let mut add = |chain: &[Filter], data: &[u8]| {
        let bytes = content(&format!("/Filter[{}]", name(chain)), data);
        let short: Vec<&str> = chain.iter().map(|filter| filter.names()[1]).collect();
        all.push(doc(
            &format!("chain-{}", short.join("-")),
            bytes,
            Fate::Refused("unpacks to more"),
        ));
    };
    for inner in ALL {
        let Some(bomb) = inner.bomb() else { continue };
        add(&[inner], &bomb);
        // Doubly compressed data may be too small to matter, and its result larger than a file may
        // be.
        let small = if inner == Filter::RunLength { filters::zlib(&bomb) } else { bomb };
        let chain =
            if inner == Filter::RunLength { vec![Filter::Flate, inner] } else { vec![inner] };
        for outer in ALL {
            let packed = outer.pack(&small);
            add(&[&[outer][..], &chain].concat(), &packed);
            for outermost in [Filter::Flate, Filter::Hex, Filter::Base85] {
                add(&[&[outermost, outer][..], &chain].concat(), &outermost.pack(&packed));
            }
        }
    }
    all
}

/// The same bomb with different spellings of its dictionary.
fn spellings() -> Vec<Document> {
    let bomb = Filter::Flate.bomb().unwrap();
    let refused = Fate::Refused("unpacks to more");
    let twice = filters::zlib(&bomb);
    let mut all = vec![
        doc("abbreviated", content("/Filter/Fl", &bomb), refused),
        doc("short-key", content("/F/Fl", &bomb), refused),
        doc("escaped", content("/Fi#6cter/Fl#61te#44ecode", &bomb), refused),
        doc("remark", content("/Filter % a remark\n[%another\n/FlateDecode]", &bomb), refused),
        doc(
            "padded",
            content(&format!("/Pad({})/Filter/FlateDecode", "x".repeat(9000)), &bomb),
            refused,
        ),
        doc(
            "decoy",
            content("/Note(1 0 obj <</Length 3>> stream)/Filter/FlateDecode", &bomb),
            refused,
        ),
        doc("long-length", content("/Length 99999999/Filter/FlateDecode", &bomb), refused),
        doc("no-length", content("/Length null/Filter/FlateDecode", &bomb), refused),
        doc("negative-length", content("/Length -1/Filter/FlateDecode", &bomb), refused),
        doc("indirect-length", content("/Length 3 0 R/Filter/FlateDecode", &bomb), refused),
        doc(
            "no-header",
            content("/Filter/FlateDecode", &filters::bare(&vec![b' '; 40 << 20])),
            refused,
        ),
        doc("twice", content("/Filter[/FlateDecode/FlateDecode]", &twice), refused),
        doc(
            "unknown-between",
            content("/Filter[/FlateDecode/Nothing/FlateDecode]", &twice),
            refused,
        ),
        doc("crypt", content("/Filter[/Crypt/FlateDecode]", &bomb), refused),
        doc("broken", content("/Filter/FlateDecode", &filters::broken()), Fate::Either),
        doc(
            "says-encrypted",
            {
                let mut file = File::page(stream("/Filter/FlateDecode", &bomb), "");
                file.trailer = "/Encrypt<<>>".into();
                file.bytes()
            },
            Fate::Either,
        ),
    ];
    let mut indirect = File::page(stream("/Filter 6 0 R", &bomb), "");
    indirect.add("/FlateDecode");
    all.push(doc("indirect-filter", indirect.bytes(), Fate::Refused("unusual way")));
    let mut indirect = File::page(stream("/Filter[/FlateDecode 6 0 R]", &twice), "");
    indirect.add("/FlateDecode");
    all.push(doc("indirect-in-array", indirect.bytes(), Fate::Refused("unusual way")));
    for (name, parameters) in [
        ("columns", "/Predictor 15/Columns 9999999999"),
        ("columns-odd", "/Predictor 12/Colors 5/Columns 4000000000"),
        ("columns-elsewhere", "/Predictor 12/Columns 3 0 R"),
        ("colors", "/Predictor 2/Colors 255/BitsPerComponent 16/Columns 60000000"),
    ] {
        let dictionary = format!("/Filter/FlateDecode/DecodeParms<<{parameters}>>");
        let bytes = content(&dictionary, &filters::zlib(&[b' '; 4096]));
        all.push(doc(name, bytes, Fate::Refused("unusual way")));
    }
    all
}

/// Bombs in every place of a document that is decompressed. A bomb outside of text does not prevent
/// reading.
fn places() -> Vec<Document> {
    let bomb = Filter::Flate.bomb().unwrap();
    let eight = filters::zlib(&vec![b' '; 8 << 20]);
    let flate = "/Filter/FlateDecode";
    let mut all = Vec::new();
    for (name, dictionary, resources, show) in [
        (
            "image",
            "/Type/XObject/Subtype/Image/Width 60000/Height 60000/BitsPerComponent 8/ColorSpace/DeviceRGB",
            "/XObject<</X 6 0 R>>",
            "/X Do",
        ),
        ("form", "/Type/XObject/Subtype/Form/BBox[0 0 9 9]", "/XObject<</X 6 0 R>>", "/X Do"),
        ("attachment", "/Type/EmbeddedFile", "", ""),
        (
            "function",
            "/FunctionType 0/Domain[0 1]/Range[0 1]/Size[9999999]/BitsPerSample 1",
            "/ColorSpace<</C[/Separation/A/DeviceGray 6 0 R]>>",
            "/C cs 1 scn 0 0 9 9 re f",
        ),
        (
            "program",
            "/FunctionType 4/Domain[0 1]/Range[0 1]",
            "/ColorSpace<</C[/Separation/A/DeviceGray 6 0 R]>>",
            "/C cs 1 scn 0 0 9 9 re f",
        ),
        (
            "shading",
            "/ShadingType 4/ColorSpace/DeviceRGB/BitsPerCoordinate 8/BitsPerComponent 8/BitsPerFlag 8/Decode[0 1 0 1 0 1 0 1 0 1]",
            "/Shading<</S 6 0 R>>",
            "/S sh",
        ),
    ] {
        let mut file = with(resources, show.as_bytes());
        file.stream(&format!("{dictionary}{flate}"), &eight);
        all.push(doc(&format!("in-{name}"), file.bytes(), Fate::Read));
    }
    for (name, dictionary) in [
        ("jbig2", "/Filter/JBIG2Decode"),
        ("jpx", "/Filter/JPXDecode"),
        ("dct", "/Filter/DCTDecode"),
        ("ccitt", "/Filter/CCITTFaxDecode/DecodeParms<</K -1/Columns 2000000000/Rows 2000000000>>"),
        ("packed-dct", "/Filter[/FlateDecode/DCTDecode]"),
    ] {
        let mut file = with("/XObject<</X 6 0 R>>", b"/X Do");
        let size = "/Subtype/Image/Width 2000000000/Height 2000000000/BitsPerComponent 8/ColorSpace/DeviceRGB";
        file.stream(&format!("{size}{dictionary}"), &bomb[..60_000]);
        all.push(doc(&format!("picture-{name}"), file.bytes(), Fate::Read));
    }
    let refused = Fate::Refused("unpacks to more");
    let mut font = with("/Font<</F 6 0 R>>", b"");
    font.add("<</Type/Font/Subtype/TrueType/BaseFont/A/FirstChar 0/LastChar 1/Widths[9 9]/FontDescriptor 7 0 R/ToUnicode 8 0 R>>")
        .add("<</Type/FontDescriptor/FontName/A/Flags 4/FontFile2 8 0 R>>")
        .stream(flate, &bomb);
    all.push(doc("in-font", font.bytes(), refused));
    let mut list = with("", b"");
    list.stream(&format!("/Type/ObjStm/N 1000000/First 9{flate}"), &bomb);
    all.push(doc("in-object-stream", list.bytes(), refused));
    let mut list = with("", b"");
    list.stream(
        &format!("/Type/ObjStm/N 900000000/First 9{flate}"),
        &filters::zlib(&b"1 0 ".repeat(2 << 20)),
    );
    all.push(doc("objects", list.bytes(), refused));
    all.push(doc("cross-references", cross_references(), refused));
    all
}

/// Returns a cross-reference stream of eight million entries of one byte.
fn cross_references() -> Vec<u8> {
    let mut bytes = with("", b"").bytes();
    let start = bytes.len();
    bytes.extend(b"9 0 obj\n");
    bytes.extend(stream(
        "/Type/XRef/Size 30000000/W[0 1 0]/Root 1 0 R/Filter/FlateDecode",
        &filters::zlib(&vec![1; 8 << 20]),
    ));
    bytes.extend(format!("\nendobj\nstartxref\n{start}\n%%EOF\n").into_bytes());
    bytes
}

/// Small objects that are used repeatedly.
fn again() -> Vec<Document> {
    let much = filters::zlib(&vec![b' '; 3 << 20]);
    let flate = "/Filter/FlateDecode";
    let form = "/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 6 0 R/Y 7 0 R>>>>";
    let mut all = Vec::new();
    // A form of three megabytes that includes itself, to the maximum depth.
    let mut own = with("/XObject<</X 6 0 R>>", b"/X Do");
    let body = [vec![b' '; 3 << 20], b"/X Do".to_vec()].concat();
    own.stream(&format!("{form}{flate}"), &filters::zlib(&body));
    all.push(doc("form-in-itself", own.bytes(), Fate::Either));
    let mut contents = String::new();
    for _ in 0..20_000 {
        contents.push_str("6 0 R ");
    }
    let mut joined = with("", b"");
    joined.objects[2] =
        format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents[{contents}]>>")
            .into_bytes();
    joined.stream(flate, &much);
    all.push(doc("contents-joined", joined.bytes(), Fate::Refused("unpacks to more")));
    let mut pages = with("", b"");
    let kids: String = (0..500).map(|n| format!("{} 0 R ", 7 + n)).collect();
    pages.objects[1] = format!("<</Type/Pages/Kids[{kids}]/Count 500>>").into_bytes();
    pages.stream(flate, &much);
    for _ in 0..500 {
        pages.add("<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 6 0 R>>");
    }
    all.push(doc("pages-of-one-content", pages.bytes(), Fate::Refused("unpacks to more")));
    let mut circle = with("", b"");
    circle.objects[1] = b"<</Type/Pages/Kids[2 0 R 3 0 R 2 0 R]/Count 3>>".to_vec();
    all.push(doc("pages-in-a-circle", circle.bytes(), Fate::Either));
    let nested = ["<<".repeat(20_000).replace("<<", "<</A"), ">>".repeat(20_000)].concat();
    let mut deep = with("", b"");
    deep.add(&nested).add(&"[".repeat(200_000));
    all.push(doc("nested-dictionaries", deep.bytes(), Fate::Either));
    let text: String =
        (0..60_000).map(|n| format!("1 0 0 1 {} {} Tm (a) Tj ", n % 590, n / 80)).collect();
    let scattered = format!("BT /F 7 Tf {text} ET");
    all.push(doc("scattered", content("", scattered.as_bytes()), Fate::Either));
    let marks = "/Span <</ActualText (x)>> BDC ".repeat(40_000);
    let marked = [marks.as_bytes(), HELLO].concat();
    all.push(doc("marked-without-end", content("", &marked), Fate::Either));
    let states = [b"q ".repeat(400_000), HELLO.to_vec()].concat();
    all.push(doc("states-without-end", content("", &states), Fate::Either));
    all.push(doc("only-a-header", b"%PDF-1.7\n".to_vec(), Fate::Refused("")));
    all.push(doc(
        "no-ends",
        [b"%PDF-1.7\n".to_vec(), b"1 0 obj<<>>stream\n".repeat(4000)].concat(),
        Fate::Refused(""),
    ));
    all
}
