"""A small bitmap font, and writing with it into a picture: printable ASCII, five pixels wide, nine high."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 5, 9
"""Of a glyph: seven rows above the line that capitals stand on, two below it."""
ADVANCE = WIDTH + 1
"""From one character to the next."""
_UNKNOWN = "□"
"""Stands for every character that the font does not have."""

# One line of characters, then their glyphs side by side in nine lines; characters are six columns apart.
_DRAWN = r"""
0     1     2     3     4     5     6     7     8     9     +     -     =     *     /     %
 ###    #    ###  #####    #  #####  ###  #####  ###   ###                                ##  #
#   #  ##   #   #    #    ##  #     #         # #   # #   #   #               #   #     # ##  #
#  ##   #       #   #    # #  ####  #        #  #   # #   #   #         ##### # # #    #     #
# # #   #      #     #  #  #      # ####    #    ###   #### ##### #####        ###    #     #
##  #   #     #       # #####     # #   #   #   #   #     #   #         ##### # # #  #     #
#   #   #    #    #   #    #  #   # #   #   #   #   #     #   #                 #   #     #  ##
 ###   ###  #####  ###     #   ###   ###    #    ###   ###                                #  ##


A     B     C     D     E     F     G     H     I     J     K     L     M     N     O     P
 ###  ####   ###  ####  ##### #####  ###  #   #  ###    ### #   # #     #   # #   #  ###  ####
#   # #   # #   # #   # #     #     #   # #   #   #      #  #  #  #     ## ## #   # #   # #   #
#   # #   # #     #   # #     #     #     #   #   #      #  # #   #     # # # ##  # #   # #   #
##### ####  #     #   # ####  ####  # ### #####   #      #  ##    #     # # # # # # #   # ####
#   # #   # #     #   # #     #     #   # #   #   #      #  # #   #     #   # #  ## #   # #
#   # #   # #   # #   # #     #     #   # #   #   #   #  #  #  #  #     #   # #   # #   # #
#   # ####   ###  ####  ##### #      ###  #   #  ###   ##   #   # ##### #   # #   #  ###  #


Q     R     S     T     U     V     W     X     Y     Z     [     ]     (     )     {     }
 ###  ####   ###  ##### #   # #   # #   # #   # #   # #####  ###   ###    #    #      ##  ##
#   # #   # #   #   #   #   # #   # #   # #   # #   #     #  #       #   #      #    #      #
#   # #   # #       #   #   # #   # #   #  # #   # #     #   #       #  #        #   #      #
#   # ####   ###    #   #   # #   # # # #   #     #     #    #       #  #        #  #        #
# # # # #       #   #   #   # #   # # # #  # #    #    #     #       #  #        #   #      #
#  #  #  #  #   #   #   #   #  # #  ## ## #   #   #   #      #       #   #      #    #      #
 ## # #   #  ###    #    ###    #   #   # #   #   #   #####  ###   ###    #    #      ##  ##


a     b     c     d     e     f     g     h     i     j     k     l     m     n     o     p
      #               #         ##        #       #       # #      ##
      #               #        #          #                 #       #
 ###  ####   ###   ####  ###  ####   #### ####   ##      ## #  #    #   ## #  ####   ###  ####
    # #   # #   # #   # #   #  #    #   # #   #   #       # # #     #   # # # #   # #   # #   #
 #### #   # #     #   # #####  #    #   # #   #   #       # ##      #   # # # #   # #   # #   #
#   # #   # #   # #   # #      #    #   # #   #   #       # # #     #   # # # #   # #   # #   #
 #### ####   ###   ####  ###   #     #### #   #  ###      # #  #   ###  # # # #   #  ###  ####
                                        #             #   #                               #
                                     ###               ###                                #
q     r     s     t     u     v     w     x     y     z     .     ,     :     ;     !     ?
                   #                                                                  #    ###
                   #                                                                  #   #   #
 #### # ##   #### ####  #   # #   # #   # #   # #   # #####              ##    ##     #       #
#   # ##  # #      #    #   # #   # # # #  # #  #   #    #               ##    ##     #      #
#   # #      ###   #    #   # #   # # # #   #   #   #   #                             #     #
#   # #         #  #  # #   #  # #  # # #  # #  #   #  #     ##    ##    ##    ##
 #### #     ####    ##   ####   #    # #  #   #  #### #####  ##    ##    ##    ##     #     #
    #                                               #               #           #
    #                                            ###               #           #
"     '     `     <     >     _     |     \     ^     ~     @     #     $     &     □
 # #    #    #                        #           #          ###   # #    #    ##   #####
 # #    #     #      #   #            #   #      # #        #   #  # #   #### #  #  #   #
 # #    #      #    #     #           #    #    #   #       # ### ##### # #   #  #  #   #
                   #       #          #     #          #  # # # #  # #   ###   ##   #   #
                    #     #           #      #        # # # # ### #####   # # # # # #   #
                     #   #            #       #       #  #  #      # #  ####  #  #  #   #
                              #####   #                      ####  # #    #    ## # #####
                                      #

"""


def text_width(text: str, scale: int) -> int:
    """Returns how many pixels wide a line is at `scale` pixels per pixel of the font."""
    return max(0, len(text) * ADVANCE - 1) * scale


def write(canvas: NDArray[np.uint8], text: str, top: int, left: int, colour: tuple[int, int, int], scale: int) -> None:
    """Writes one line into `canvas` (height, width, 3), in place; what lies outside of it is cut off."""
    for number, sign in enumerate(text):
        glyph = _smooth(sign, scale)[..., None]
        at = left + number * ADVANCE * scale
        window = canvas[max(0, top) : max(0, top + len(glyph)), max(0, at) : max(0, at + glyph.shape[1])]
        ink = glyph[max(0, -top) :, max(0, -at) :][: window.shape[0], : window.shape[1]]
        window[:] = np.rint(window * (1 - ink) + np.array(colour) * ink)


@cache
def _smooth(sign: str, scale: int) -> NDArray[np.float32]:
    """Returns how much of every pixel a glyph covers at `scale`: its steps rounded off, as curves and slopes."""
    glyphs = _glyphs()
    large = glyphs.get(sign, glyphs[_UNKNOWN])
    if scale == 1:
        return large.astype(np.float32)
    for number in range(3):
        large = _doubled(large, first=number == 0)
    large = large.repeat(scale, axis=0).repeat(scale, axis=1)  # eight times too large now: every block is averaged
    return large.reshape(HEIGHT * scale, 8, WIDTH * scale, 8).mean(axis=(1, 3), dtype=np.float32)


def _doubled(bitmap: NDArray[np.bool_], first: bool) -> NDArray[np.bool_]:
    """Returns a bitmap at twice the size, its steps rounded by the rule known as EPX or Scale2x: a corner between two
    equal neighbours that differ from the other two takes their colour. The first time nothing is cut off but where a
    slope or a curve goes on, so that the corners of straight strokes stay: they tell a D from an O."""
    padded = np.pad(bitmap, 1)

    def beside(dy: int, dx: int) -> NDArray[np.bool_]:
        return padded[1 + dy : padded.shape[0] - 1 + dy, 1 + dx : padded.shape[1] - 1 + dx]

    large = np.empty((2 * bitmap.shape[0], 2 * bitmap.shape[1]), np.bool_)
    for dy in (-1, 1):
        for dx in (-1, 1):
            one, two = beside(dy, 0), beside(0, dx)
            rounded = (one == two) & (one != beside(0, -dx)) & (two != beside(-dy, 0))
            if first:
                rounded &= ~bitmap | beside(dy, -dx) | beside(-dy, dx)
            large[(dy + 1) // 2 :: 2, (dx + 1) // 2 :: 2] = np.where(rounded, one, bitmap)
    return large


@cache
def _glyphs() -> dict[str, NDArray[np.bool_]]:
    """Returns what `_DRAWN` shows: character -> bitmap."""
    lines = _DRAWN.split("\n")[1:-1]
    glyphs = {" ": np.zeros((HEIGHT, WIDTH), np.bool_)}
    for top in range(0, len(lines), HEIGHT + 1):
        rows = [line.ljust(16 * ADVANCE) for line in lines[top + 1 : top + 1 + HEIGHT]]
        for left, sign in enumerate(lines[top][::ADVANCE]):
            here = slice(left * ADVANCE, left * ADVANCE + WIDTH)
            glyphs[sign] = np.array([[dot == "#" for dot in row[here]] for row in rows])
    return glyphs
