// Package rendition prepares what is constant for all readers of a publication, once per channel and
// language: content sanitised, style sheets inlined, links numbered. What is left per reader is one
// render and one replacement of the links' base address.
//
// It stands above internal/template and internal/content and is the one domain package that may import
// both: it is where they meet.
package rendition
