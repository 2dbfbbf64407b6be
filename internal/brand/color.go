package brand

import (
	"math"
	"strconv"
	"strings"

	"github.com/presswork/presswork/internal/fault"
)

// Readable is the contrast that text needs (WCAG 2.2, 1.4.3, level AA).
const Readable = 4.5

const (
	black = "#000000"
	white = "#ffffff"
)

// color is #rrggbb in lower case, or empty.
func color(f *fault.Fields, pointer, value string) string {
	value = strings.ToLower(strings.TrimSpace(value))
	if value != "" && !isColor(value) {
		f.Add(pointer, "format", "must be a colour like #1a56c4")
		return ""
	}
	return value
}

func isColor(value string) bool {
	if len(value) != len(white) || value[0] != '#' {
		return false
	}
	_, err := strconv.ParseUint(value[1:], 16, 32)
	return err == nil
}

// TextOn is black or white, whichever is read better on a colour. One of them always is Readable: where both are read alike, it is
// by the root of 21 to 1, which is 4.58.
func TextOn(background string) string {
	if Contrast(black, background) > Contrast(white, background) {
		return black
	}
	return white
}

// Contrast is how far two colours stand apart, from 1 to 21 (WCAG 2.2, contrast ratio); 1 if one of them is none.
func Contrast(a, b string) float64 {
	if !isColor(a) || !isColor(b) {
		return 1
	}
	light, dark := luminance(a), luminance(b)
	if light < dark {
		light, dark = dark, light
	}
	return (light + 0.05) / (dark + 0.05)
}

// luminance is the relative luminance of a colour (WCAG 2.2): 0 of black, 1 of white.
func luminance(value string) float64 {
	rgb, err := strconv.ParseUint(value[1:], 16, 32)
	if err != nil {
		return 0
	}
	return 0.2126*linear(rgb>>16) + 0.7152*linear(rgb>>8) + 0.0722*linear(rgb)
}

// linear is the lowest byte of a colour as the light that it stands for (sRGB).
func linear(channel uint64) float64 {
	c := float64(channel&0xff) / 0xff
	if c <= 0.04045 {
		return c / 12.92
	}
	return math.Pow((c+0.055)/1.055, 2.4)
}
