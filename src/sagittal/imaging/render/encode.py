"""Pictures to JPEG, PNG, WebP and GIF (PS3.18 Section 8.7.4)."""

from collections.abc import Mapping, Sequence
from io import BytesIO

from PIL import Image

from sagittal.errors import Exhausted, Unsupported
from sagittal.imaging.render.recipe import DEFAULT_QUALITY, GIF, JPEG, MEDIA_TYPES, PNG, WEBP
from sagittal.imaging.render.webp import encode_grey

_LARGEST_SIDE: Mapping[str, int] = {JPEG: 65535, GIF: 65535, WEBP: 16383}
_SHORTEST_FRAME_MS = 20  # browsers slow GIFs with less down to 100 ms


def encode_picture(
    image: Image.Image, media_type: str, *, quality: int = DEFAULT_QUALITY, icc_profile: bytes = b""
) -> bytes:
    """One picture.

    Args:
        quality: 1 to 100, of JPEG and WebP; the others lose nothing of a grey picture.
        icc_profile: to be embedded; GIF has no place for one.

    Raises:
        Unsupported: the media type is none of MEDIA_TYPES.
        Exhausted: the format has no pictures of that size.
    """
    _check(image, media_type)
    out = BytesIO()
    profile = icc_profile or None
    if media_type == JPEG:
        subsampling = 0 if quality >= 85 else 2
        image.save(out, "JPEG", quality=quality, subsampling=subsampling, icc_profile=profile)
    elif media_type == PNG:
        image.save(out, "PNG", compress_level=_PNG_LEVEL, icc_profile=profile)
    elif media_type == WEBP:
        grey = encode_grey(image, quality) if image.mode == "L" and not profile else None
        if grey is not None:
            return grey
        image.save(out, "WEBP", quality=quality, method=_WEBP_METHOD, icc_profile=profile)
    else:
        image.save(out, "GIF")
    return out.getvalue()


def encode_cine(
    images: Sequence[Image.Image], durations_ms: Sequence[float], media_type: str = GIF, *, quality: int
) -> bytes:
    """Pictures that follow each other, for ever, as animated GIF or WebP.

    Args:
        durations_ms: how long each is shown.

    Raises:
        Unsupported: the media type has no moving pictures.
    """
    _check(images[0], media_type)
    if media_type not in (GIF, WEBP):
        raise Unsupported(f"moving pictures are given as {GIF} or {WEBP}, not as {media_type}")
    times = [max(_SHORTEST_FRAME_MS, round(duration)) for duration in durations_ms]
    out = BytesIO()
    if media_type == GIF:
        images = _in_one_palette(images)
    rest = images[1:]
    if media_type == GIF:
        images[0].save(out, "GIF", save_all=True, append_images=rest, duration=times, loop=0, optimize=False)
    else:
        images[0].save(
            out, "WEBP", save_all=True, append_images=rest, duration=times, loop=0, quality=quality, method=0
        )
    return out.getvalue()


def _in_one_palette(images: Sequence[Image.Image]) -> list[Image.Image]:
    """Colour pictures in 256 colours that fit four of them; a palette for each would take 120 ms each to find."""
    if images[0].mode != "RGB":
        return list(images)
    chosen = [images[len(images) * at // 4].copy() for at in range(4)]
    sheet = Image.new("RGB", (2 * _PALETTE_SIDE, 2 * _PALETTE_SIDE))
    for number, image in enumerate(chosen):
        image.thumbnail((_PALETTE_SIDE, _PALETTE_SIDE), Image.Resampling.NEAREST)
        sheet.paste(image, (number % 2 * _PALETTE_SIDE, number // 2 * _PALETTE_SIDE))
    palette = sheet.quantize(256, method=Image.Quantize.MEDIANCUT)
    return [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]


def _check(image: Image.Image, media_type: str) -> None:
    if media_type not in MEDIA_TYPES:
        raise Unsupported(f"pictures are given as {', '.join(MEDIA_TYPES)}, not as {media_type}")
    most = _LARGEST_SIDE.get(media_type, max(image.size))
    if max(image.size) > most:
        raise Exhausted(f"a picture of {image.width} x {image.height} is larger than the {most} that {media_type} has")


_PNG_LEVEL = 3
_WEBP_METHOD = 2
_PALETTE_SIDE = 256
