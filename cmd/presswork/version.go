package main

import "runtime/debug"

// built is the version that the linker was told (-X main.built=v1.2.3), for builds outside of a checkout.
var built string

// version names this build: as the linker was told, or the tag or commit that it was made from.
func version() string {
	if built != "" {
		return built
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}
