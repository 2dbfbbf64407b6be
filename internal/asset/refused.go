package asset

import (
	"slices"
	"strings"
)

// refusedTypes are the extensions of attachments that Amazon SES turns down:
// https://docs.aws.amazon.com/ses/latest/dg/mime-types.html. Other services and receivers have much the same
// list, so that it holds for every provider.
const refusedTypes = `
ade adp app asp bas bat cer chm cmd com cpl crt csh der exe fxp gadget hlp hta inf ins isp its js jse ksh lib lnk
mad maf mag mam maq mar mas mat mau mav maw mda mdb mde mdt mdw mdz msc msh msh1 msh2 mshxml msh1xml msh2xml msi
msp mst ops pcd pif plg prf prg reg scf scr sct shb shs sys ps1 ps1xml ps2 ps2xml psc1 psc2 tmp url vb vbe vbs vps
vsmacros vss vst vsw vxd ws wsc wsf wsh xnk`

// refused reports whether a file of this name cannot be sent.
func refused(name string) bool {
	return slices.Contains(strings.Fields(refusedTypes), extension(name))
}

// extension is what follows the last dot, in lower case. Dots and blanks at the end, which Windows drops, are
// not part of it.
func extension(name string) string {
	name = strings.TrimRight(name, ". ")
	return strings.ToLower(name[strings.LastIndexByte(name, '.')+1:])
}
