package main

import (
	"testing"

	"github.com/presswork/presswork/internal/testkit/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }
