"""Makes the sample documents of this folder with real programs. README.md says which; run: python3 make.py OUTPUT_FOLDER

Needs: LibreOffice (soffice), Chromium, pandoc, qpdf, pdftoppm, and from PyPI: python-docx openpyxl python-pptx reportlab
pillow. The text is invented.
"""

import io
import pathlib
import subprocess
import sys
import tempfile

out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
work = pathlib.Path(tempfile.mkdtemp())


def run(*command):
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def office(source, ending):
    """Converts with LibreOffice; the result is in the working folder."""
    run("soffice", "--headless", "--convert-to", ending, "--outdir", work, source)
    return work / (source.stem + "." + ending.split(":")[0])


def chromium(name, html):
    page = work / (name + ".html")
    page.write_text(html, encoding="utf-8")
    run("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
        f"--print-to-pdf={out / (name + '.pdf')}", page)


def word():
    import docx
    from docx.enum.style import WD_STYLE_TYPE
    from docx.oxml.ns import qn
    from docx.oxml import OxmlElement, parse_xml
    document = docx.Document()
    document.core_properties.title = ""
    document.add_paragraph("Workshop handbook", style="Title")
    document.add_heading("Servicing your bike", 1)
    document.add_paragraph("Bring the bike the evening before, or until ten on the day itself.")
    for text in ["Small service: brakes and gears, 49 €", "Full service: everything taken apart, 129 €"]:
        document.add_paragraph(text, style="List Bullet")
    document.add_heading("How a service goes", 2)
    for text in ["We look at the bike with you.", "You get a price in writing.", "We call when it is ready."]:
        document.add_paragraph(text, style="List Number")
    document.add_heading("Prices", 1)
    table = document.add_table(rows=1, cols=3, style="Light Grid Accent 1")
    for cell, text in zip(table.rows[0].cells, ["Part", "Fitting", "Warranty"]):
        cell.text = text
    for row in [("Chain", "18 €", "12 months"), ("Tyre", "12 €", "6 months"), ("Brake pads", "15 €", "6 months")]:
        for cell, text in zip(table.add_row().cells, row):
            cell.text = text
    document.add_paragraph()
    bold = document.add_paragraph()
    bold.add_run("When we are late").bold = True
    document.add_paragraph("If a repair takes longer than we said, you ride a loan bike for free.")
    deleted = document.add_paragraph("The workshop is closed in August.")
    mark = OxmlElement("w:del")
    mark.set(qn("w:id"), "1")
    mark.set(qn("w:author"), "Des")
    element = deleted.runs[0]._r
    element.getparent().replace(element, mark)
    mark.append(element)
    for text in element.findall(qn("w:t")):
        text.tag = qn("w:delText")
    box = parse_xml(
        '<w:r xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
        'xmlns:v="urn:schemas-microsoft-com:vml"><w:pict><v:shape style="width:200pt;height:40pt"><v:textbox>'
        "<w:txbxContent><w:p><w:r><w:t>Emergency number of the workshop: 555-0177</w:t></w:r></w:p></w:txbxContent>"
        "</v:textbox></v:shape></w:pict></w:r>")
    document.add_paragraph("See the box.")._p.append(box)
    document.save(out / "handbook-python-docx.docx")

    # Through LibreOffice: its own styles, and a footnote, which python-docx cannot write.
    source = work / "rental.fodt"
    source.write_text("""<?xml version="1.0" encoding="UTF-8"?>
<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" xmlns:xlink="http://www.w3.org/1999/xlink" office:version="1.2" office:mimetype="application/vnd.oasis.opendocument.text">
<office:automatic-styles><text:list-style style:name="N"><text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix="."/></text:list-style>
<text:list-style style:name="B"><text:list-level-style-bullet text:level="1" text:bullet-char="•"/><text:list-level-style-bullet text:level="2" text:bullet-char="◦"/></text:list-style></office:automatic-styles>
<office:body><office:text>
<text:h text:outline-level="1">Bike hire on the island</text:h>
<text:p>A day costs 22 €<text:note text:id="f1" text:note-class="footnote"><text:note-citation>1</text:note-citation><text:note-body><text:p>Children under 12 ride for half of it.</text:p></text:note-body></text:note>, a week 110 €. Write to <text:a xlink:type="simple" xlink:href="mailto:hire@saltmarsh.example">our hire desk</text:a>.</text:p>
<text:h text:outline-level="2">What to bring</text:h>
<text:list text:style-name="B"><text:list-item><text:p>An identity card</text:p><text:list><text:list-item><text:p>or a passport</text:p></text:list-item></text:list></text:list-item><text:list-item><text:p>A deposit of 150 €</text:p></text:list-item></text:list>
<text:h text:outline-level="2">Returning it</text:h>
<text:list text:style-name="N"><text:list-item><text:p>Lock the bike at the harbour.</text:p></text:list-item><text:list-item><text:p>Drop the key into box seven.</text:p></text:list-item></text:list>
<text:h text:outline-level="2">Questions</text:h>
<table:table table:name="T"><table:table-column table:number-columns-repeated="2"/>
<table:table-row><table:table-cell><text:p>Question</text:p></table:table-cell><table:table-cell><text:p>Answer</text:p></table:table-cell></table:table-row>
<table:table-row><table:table-cell><text:p>Can I take the hire bike on the ferry?</text:p></table:table-cell><table:table-cell><text:p>Yes, the crossing is included.</text:p></table:table-cell></table:table-row>
<table:table-row><table:table-cell><text:p>Is a helmet part of it?</text:p></table:table-cell><table:table-cell><text:p>Helmets are 3 € a day.</text:p></table:table-cell></table:table-row></table:table>
</office:text></office:body></office:document>""", encoding="utf-8")
    (out / "rental-libreoffice.docx").write_bytes(office(source, "docx").read_bytes())
    (out / "rental-libreoffice.odt").write_bytes(office(source, "odt").read_bytes())
    (out / "rental-libreoffice.pdf").write_bytes(office(source, "pdf").read_bytes())
    return source


def sheets():
    import datetime
    import openpyxl
    from openpyxl.styles import Font
    book = openpyxl.Workbook()
    prices = book.active
    prices.title = "Prices"
    prices["A1"] = "Price list of the spring"
    prices["A1"].font = Font(bold=True)
    prices.append([])
    prices.append(["Group", "Article", "Price", "Discount", "From", "Code", "Opens"])
    rows = [("City", "Quay 7", 649, 0.15, datetime.date(2026, 3, 1), 742, datetime.time(9, 30)),
            ("City", "Quay 9", 899.5, 0, datetime.date(2026, 4, 15), 743, datetime.time(9, 30)),
            ("Cargo", "Marsh Hauler", 3490, 0.05, datetime.date(2026, 5, 1), 51, datetime.time(10, 0))]
    for row in rows:
        prices.append(list(row))
    for row in range(4, 7):
        prices.cell(row, 3).number_format = '#,##0.00\\ "€"'
        prices.cell(row, 4).number_format = "0%"
        prices.cell(row, 5).number_format = "yyyy-mm-dd"
        prices.cell(row, 6).number_format = "00000"
    prices.merge_cells("A4:A5")
    faq = book.create_sheet("FAQ")
    for row in [("Question", "Answer", "Topic"),
                ("Do you buy old bikes?", "Yes, up to ten years old, against a voucher.", "Trade-in"),
                ("Can I pay in instalments?", "From 500 €, in six months without interest.", "Payment")]:
        faq.append(list(row))
    hidden = book.create_sheet("Margins")
    hidden.sheet_state = "hidden"
    hidden.append(["Article", "Margin"])
    hidden.append(["Quay 7", 0.41])
    book.save(out / "prices-openpyxl.xlsx")
    (out / "prices-libreoffice.ods").write_bytes(office(out / "prices-openpyxl.xlsx", "ods").read_bytes())
    (out / "prices-libreoffice.xlsx").write_bytes(office(work / "prices-openpyxl.ods", "xlsx").read_bytes())


def slides():
    from pptx import Presentation
    from pptx.util import Inches
    show = Presentation()
    first = show.slides.add_slide(show.slide_layouts[0])
    first.shapes.title.text = "Group rides of the summer"
    first.placeholders[1].text = "Every Thursday from the yard"
    second = show.slides.add_slide(show.slide_layouts[1])
    second.shapes.title.text = "The three routes"
    body = second.placeholders[1].text_frame
    body.text = "Harbour loop: 18 km, flat"
    for text, level in [("Lighthouse tour: 42 km, hilly", 0), ("with a stop at the tea house", 1)]:
        paragraph = body.add_paragraph()
        paragraph.text, paragraph.level = text, level
    second.notes_slide.notes_text_frame.text = "Say that e-bikes join the lighthouse tour only with a spare battery."
    third = show.slides.add_slide(show.slide_layouts[5])
    third.shapes.title.text = "Who rides ahead"
    table = third.shapes.add_table(3, 2, Inches(1), Inches(2), Inches(6), Inches(2)).table
    for row, cells in enumerate([("Route", "Guide"), ("Harbour loop", "Marta"), ("Lighthouse tour", "Des")]):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    box = third.shapes.add_textbox(Inches(1), Inches(5), Inches(6), Inches(1))
    box.text_frame.text = "Call 555-0123 when you are late."
    fourth = show.slides.add_slide(show.slide_layouts[1])
    fourth.shapes.title.text = "Internal: what the guides earn"
    fourth._element.set("show", "0")
    show.save(out / "rides-python-pptx.pptx")
    (out / "rides-libreoffice.pptx").write_bytes(office(out / "rides-python-pptx.pptx", "odp").read_bytes() and
                                                 office(work / "rides-python-pptx.odp", "pptx").read_bytes())


def book():
    source = work / "book.md"
    source.write_text("""---
title: The Saltmarsh riding book
lang: en
---

# Tyres

## Pressure

Ride on the marsh with 2.5 bar, on the road with 4 bar.

| Tyre | Marsh | Road |
|------|-------|------|
| 40 mm | 2.5 bar | 4 bar |
| 50 mm | 1.8 bar | 3 bar |

# Chains

Oil the chain after every ride in the rain.

- First clean it.
- Then one drop a link.
""", encoding="utf-8")
    run("pandoc", source, "-o", out / "riding-book-pandoc.epub")
    run("pandoc", source, "-o", out / "riding-book-pandoc.docx")


def pdfs():
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import (BaseDocTemplate, Frame, FrameBreak, ListFlowable, PageBreak, PageTemplate, Paragraph,
                                    SimpleDocTemplate, Spacer, Table, TableStyle)
    from reportlab.lib import colors
    from reportlab.pdfgen import canvas
    styles = getSampleStyleSheet()
    normal, h1, h2 = styles["Normal"], styles["Heading1"], styles["Heading2"]

    def frame(drawing, document):
        drawing.setFont("Helvetica", 8)
        drawing.drawString(72, 810, "Saltmarsh Cycles - terms of sale")
        drawing.drawCentredString(297, 30, f"Page {document.page} of 4")

    long = ("A bike that you ordered by post may be sent back within thirty days. It has to be as clean as it came, with its "
            "pedals in the box. We pay the freight if the fault is ours; otherwise we keep 25 € of the price. ") * 3
    story = [Paragraph("Terms of sale", h1), Paragraph("Returns", h2), Paragraph(long, normal),
             Paragraph("Warranty", h2), Paragraph("Frames carry a warranty of ten years, batteries one of two years.", normal),
             PageBreak(), Paragraph("Delivery zones", h2),
             Table([["Zone", "Price", "Days"], ["Mainland", "39 €", "3"], ["Islands", "59 €", "6"], ["Abroad", "119 €", "12"]],
                   style=TableStyle([("GRID", (0, 0), (-1, -1), 0.5, colors.grey)])),
             Spacer(1, 12), ListFlowable([Paragraph(text, normal) for text in
                                          ["The driver calls an hour before.", "Somebody has to sign."]], bulletType="bullet"),
             PageBreak(), Paragraph("Complaints", h2),
             Paragraph("Write to complaints@saltmarsh.example; we answer within two working days.", normal),
             PageBreak(), Paragraph("Who we are", h2), Paragraph("Saltmarsh Cycles, 14 Chandlers Row, Port Ansel.", normal)]
    SimpleDocTemplate(str(out / "terms-reportlab.pdf"), pagesize=A4, title="Terms of sale of Saltmarsh Cycles").build(
        story, onFirstPage=frame, onLaterPages=frame)

    columns = BaseDocTemplate(str(out / "newsletter-two-columns-reportlab.pdf"), pagesize=A4)
    left, right = Frame(50, 50, 235, 700), Frame(305, 50, 235, 700)
    columns.addPageTemplates(PageTemplate(frames=[left, right]))
    fill = "The marsh path is open again after the storm, and the little bridge has new planks. "
    columns.build([Paragraph("News from the yard", h1), Paragraph(fill * 6, normal), Paragraph("Winter hours", h2),
                   Paragraph("From November to February we close at four in the afternoon. " + fill * 3, normal), FrameBreak(),
                   Paragraph("A new mechanic", h2), Paragraph("Ines repairs hub gears on Tuesdays and Fridays. " + fill * 3, normal),
                   Paragraph("Raffle", h2), Paragraph("The winning number of the raffle is 3317. " + fill * 2, normal)])

    # A page that is only a picture, and one that needs a password.
    run("pdftoppm", "-r", "60", "-jpeg", "-singlefile", out / "terms-reportlab.pdf", work / "page")
    scanned = canvas.Canvas(str(out / "scanned-reportlab.pdf"), pagesize=A4)
    for _ in range(2):
        scanned.drawImage(str(work / "page.jpg"), 0, 0, *A4)
        scanned.showPage()
    scanned.save()
    run("qpdf", "--encrypt", "secret", "owner", "256", "--", out / "terms-reportlab.pdf", out / "encrypted-qpdf.pdf")
    run("qpdf", "--encrypt", "", "owner", "128", "--use-aes=y", "--", out / "terms-reportlab.pdf", out / "restricted-qpdf.pdf")
    data = (out / "terms-reportlab.pdf").read_bytes()
    (out / "damaged.pdf").write_bytes(data[: len(data) // 3])

    chromium("opening-arabic-chromium", """<html lang="ar" dir="rtl"><meta charset="utf-8"><title>ساعات العمل</title>
<body style="font-family:'Noto Naskh Arabic','Noto Sans Arabic';font-size:14pt"><h1>ساعات العمل</h1>
<p>نفتح كل يوم من الساعة 9 صباحا حتى الساعة 18:30 مساء ما عدا يوم الأحد.</p>
<h2>التوصيل</h2><p>التوصيل إلى الجزر يستغرق ستة أيام ويكلف 59 يورو. راسلنا عبر WhatsApp في أي وقت.</p></body></html>""")
    chromium("warranty-hindi-chromium", """<html lang="hi"><meta charset="utf-8"><title>वारंटी</title>
<body style="font-family:'Noto Sans Devanagari';font-size:13pt"><h1>वारंटी की शर्तें</h1>
<p>फ्रेम पर दस साल की वारंटी है और बैटरी पर दो साल की। खरीद की रसीद साथ लाएँ।</p>
<h2>मरम्मत</h2><p>मरम्मत में तीन दिन लगते हैं। किराए की साइकिल मुफ़्त मिलती है।</p></body></html>""")
    chromium("prices-table-chromium", """<html lang="en"><meta charset="utf-8"><title>Workshop prices</title>
<style>td,th{border:1px solid #888;padding:4px 12px;text-align:left;width:30%}</style><body><h1>Workshop prices</h1>
<p>All prices include tax. Parts are extra, and we ask before we spend more than 30&nbsp;€ on them.</p><table>
<tr><th>Work</th><th>Price</th><th>What it means</th></tr>
<tr><td>Puncture</td><td>14 €</td><td>A new tube is part of it, and the tyre is looked at for splinters and cuts</td></tr>
<tr><td>Wheel truing</td><td>24 €</td><td>Up to three spokes</td></tr>
<tr><td>Bleeding brakes</td><td>35 €</td><td>One brake, with new oil and a ride of trial around the harbour</td></tr></table>
<h2>Winter check</h2><ul><li>Lights and battery</li><li>Chain, oiled and measured</li></ul></body></html>""")
    source = work / "russian.fodt"
    source.write_text("""<?xml version="1.0" encoding="UTF-8"?>
<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.2" office:mimetype="application/vnd.oasis.opendocument.text"><office:body><office:text>
<text:h text:outline-level="1">Доставка велосипедов</text:h>
<text:p>Мы доставляем велосипеды по всему побережью за три рабочих дня. Доставка на острова занимает шесть дней и стоит 59 евро.</text:p>
<text:h text:outline-level="1">Возврат</text:h><text:p>Велосипед можно вернуть в течение тридцати дней.</text:p></office:text></office:body></office:document>""", encoding="utf-8")
    (out / "delivery-russian-libreoffice.pdf").write_bytes(office(source, "pdf").read_bytes())


def json_files():
    (out / "catalogue.json").write_text("""{
  "shop": "Saltmarsh Cycles",
  "openingHours": {"monday": "closed", "tuesday": "10:00-18:00"},
  "faq": [
    {"question": "Do you repair e-bikes of other makes?", "answer": "Only with motors of Bosch and Shimano."},
    {"question": "Is there parking?", "answer": "Six places in the yard."}
  ],
  "products": [
    {"sku": "Q7", "name": "Quay 7", "price": {"amount": 649, "currency": "EUR"}, "sizes": ["S", "M", "L"], "inStock": true},
    {"sku": "MH", "name": "Marsh Hauler", "price": {"amount": 3490, "currency": "EUR"}, "sizes": ["one"], "inStock": false}
  ]
}
""", encoding="utf-8")
    (out / "tickets.jsonl").write_text(
        '{"question": "My saddle creaks, what can I do?", "answer": "Grease the rails and the clamp."}\n'
        '{"question": "broken \n'
        '{"question": "How do I store the battery in winter?", "answer": "Half full, in a dry room at 15 degrees."}\n',
        encoding="utf-8")
    (out / "hours-windows-1251.txt").write_bytes(
        "Часы работы\n\nМы открыты каждый день с девяти утра до шести вечера, кроме воскресенья.\n".encode("cp1251"))
    (out / "hours-koi8-r.txt").write_bytes(
        "Часы работы\n\nМы открыты каждый день с девяти утра до шести вечера, кроме воскресенья.\n".encode("koi8-r"))
    (out / "hours-shift-jis.txt").write_bytes(
        "営業時間\n\n営業時間は午前十時から午後七時までです。日曜日はお休みです。\n".encode("shift-jis"))
    (out / "hours-gb18030.txt").write_bytes(
        "营业时间\n\n我们每天早上九点开门，晚上六点关门，星期天休息。欢迎光临本店。\n".encode("gb18030"))
    (out / "hours-utf-16.txt").write_bytes("Öffnungszeiten\n\nWir öffnen täglich um 9 Uhr.\n".encode("utf-16"))


word()
sheets()
slides()
book()
pdfs()
json_files()
