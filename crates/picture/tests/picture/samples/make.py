"""Makes the samples that the tests cannot encode themselves, with Pillow: 80 x 60, red on the left half, blue on the right."""
from pathlib import Path

from PIL import Image

folder = Path(__file__).parent
red, blue = (254, 0, 0), (0, 0, 254)


def halves(mode, left, right):
    image = Image.new(mode, (80, 60), right)
    image.paste(left, (0, 0, 40, 60))
    return image


two = halves('RGB', red, blue)
two.save(folder / 'progressive.jpg', progressive=True, quality=90)
two.convert('CMYK').save(folder / 'cmyk.jpg', quality=90)
two.save(folder / 'lossy.webp', quality=80)
halves('RGBA', (*red, 255), (0, 0, 0, 0)).save(folder / 'alpha.webp', quality=80)
two.save(folder / 'animated.webp', save_all=True, append_images=[halves('RGB', blue, red)], duration=100)
two.quantize(4).save(folder / 'interlaced.gif', interlace=1)
