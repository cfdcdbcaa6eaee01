"""The board as a file that prints at its true scale: PDF, or PNG with its resolution in it."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np

from visuomotor.calibration.board import Board
from visuomotor.contracts import UInt8
from visuomotor.errors import ConfigError

DPI = 600
INCH_MM = 25.4
POINT_MM = INCH_MM / 72
PAGES_MM = {"A4": (210.0, 297.0), "A3": (297.0, 420.0), "A2": (420.0, 594.0), "A1": (594.0, 841.0)}
BORDER_MM = 12.0
RULER_MM = 100.0
PDF_PX = 4000


def save_board(board: Board, path: Path) -> str:
    """Writes a .pdf or a .png; returns the page's name and size. ConfigError for other suffixes.

    The PDF has a ruler of 100 mm below the board: measure it, and the squares, on the print.
    """
    name, (width_mm, height_mm) = page_of(board)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".pdf":
        path.write_bytes(_pdf(board, width_mm, height_mm))
    elif path.suffix == ".png":
        path.write_bytes(_png(_page(board, width_mm, height_mm)))
    else:
        raise ConfigError(f"{path}: got suffix {path.suffix!r}, expected .pdf or .png")
    return f"{name}, {width_mm:g} x {height_mm:g} mm"


def page_of(board: Board) -> tuple[str, tuple[float, float]]:
    """The smallest sheet that takes the board with a border: name, and width and height in mm."""
    w, h = (1e3 * v + 2 * BORDER_MM for v in board.size_m)
    for name, (short, long) in PAGES_MM.items():
        if w <= short and h <= long:
            return name, (short, long)
        if w <= long and h <= short:
            return f"{name} landscape", (long, short)
    return "a sheet of its own", (w, h)


def _picture(board: Board, most_px: int = 100_000) -> UInt8:
    fine = round(1e3 * board.square_m * DPI / INCH_MM)
    return board.image(max(min(fine, most_px // max(board.columns, board.rows)), 8))


def _corner_mm(board: Board, width_mm: float, height_mm: float) -> tuple[float, float]:
    """Left and lower edge of the board on its page."""
    w, h = (1e3 * v for v in board.size_m)
    return (width_mm - w) / 2, (height_mm - h) / 2


def _page(board: Board, width_mm: float, height_mm: float) -> UInt8:
    page = np.full([round(v * DPI / INCH_MM) for v in (height_mm, width_mm)], 255, np.uint8)
    picture = _picture(board)
    x, y = (round(v * DPI / INCH_MM) for v in _corner_mm(board, width_mm, height_mm))
    page[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return page


def _png(page: UInt8) -> bytes:
    """A PNG whose pHYs chunk says the pixels per metre, which printing programs go by."""
    data = cv2.imencode(".png", page)[1].tobytes()
    per_metre = round(DPI / INCH_MM * 1e3)
    body = b"pHYs" + struct.pack(">IIB", per_metre, per_metre, 1)
    chunk = struct.pack(">I", 9) + body + struct.pack(">I", zlib.crc32(body))
    header = 8 + 25  # the signature, then IHDR with its 13 bytes
    return data[:header] + chunk + data[header:]


def _pdf(board: Board, width_mm: float, height_mm: float) -> bytes:
    """One page: the board as an image of exact size, a ruler and a line of text."""
    picture = _picture(board, PDF_PX)  # its scale is in the page, not in its pixels
    w, h = (1e3 * v / POINT_MM for v in board.size_m)
    x, y = (v / POINT_MM for v in _corner_mm(board, width_mm, height_mm))
    ruler, low = RULER_MM / POINT_MM, (BORDER_MM - 6.0) / POINT_MM
    left = BORDER_MM / POINT_MM
    text = f"{board}; print at 100 %, this line is {RULER_MM:g} mm long"
    drawing = (
        f"q {w:.4f} 0 0 {h:.4f} {x:.4f} {y:.4f} cm /Board Do Q\n"
        f"0.6 w {left:.4f} {low:.4f} m {left + ruler:.4f} {low:.4f} l S\n"
        f"{left:.4f} {low - 3:.4f} m {left:.4f} {low + 3:.4f} l S\n"
        f"{left + ruler:.4f} {low - 3:.4f} m {left + ruler:.4f} {low + 3:.4f} l S\n"
        f"BT /Text 6 Tf {left:.4f} {low + 5:.4f} Td ({text}) Tj ET"
    ).encode()
    rows, columns = picture.shape
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width_mm / POINT_MM:.4f} "
        f"{height_mm / POINT_MM:.4f}] /Contents 4 0 R /Resources << /XObject << /Board 5 0 R >> "
        "/Font << /Text << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>".encode(),
        _stream(b"", drawing),
        _stream(
            f"/Type /XObject /Subtype /Image /Width {columns} /Height {rows} /BitsPerComponent 8 "
            "/ColorSpace /DeviceGray /Interpolate false ".encode(),
            picture.tobytes(),
        ),
    ]
    out, places = bytearray(b"%PDF-1.4\n"), []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + content + b"\nendobj\n"
    table = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    out += (
        f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n".encode()
    )
    return bytes(out)


def _stream(entries: bytes, data: bytes) -> bytes:
    packed = zlib.compress(data, 9)
    head = b"<< " + entries + f"/Filter /FlateDecode /Length {len(packed)} >>\n".encode()
    return head + b"stream\n" + packed + b"\nendstream"
