// Package telemetry is how Presswork is seen from outside: structured logs, metrics, correlation ids.
package telemetry

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// NewLogger writes JSON lines to standard error, or to the files given, at a level ("debug", "info", "warn",
// "error").
func NewLogger(level string, files ...string) (*zap.Logger, error) {
	parsed, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, fmt.Errorf("log level %q: %w", level, err)
	}
	config := zap.NewProductionConfig()
	config.Level = zap.NewAtomicLevelAt(parsed)
	config.Sampling = nil
	config.DisableStacktrace = true
	config.EncoderConfig.TimeKey = "time"
	config.EncoderConfig.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	config.EncoderConfig.EncodeDuration = milliseconds
	if len(files) > 0 {
		config.OutputPaths = files
	}
	logger, err := config.Build()
	if err != nil {
		return nil, fmt.Errorf("make the logger: %w", err)
	}
	return logger, nil
}

// milliseconds writes a duration in milliseconds, to the microsecond.
func milliseconds(d time.Duration, to zapcore.PrimitiveArrayEncoder) {
	to.AppendFloat64(float64(d.Microseconds()) / 1000)
}

// Masked is an e-mail address as it may stand in a log: the first letter and the domain.
func Masked(address string) zap.Field {
	return zap.String("address", Mask(address))
}

// Mask hides all of an address but its first letter and its domain.
func Mask(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 1 {
		return "***"
	}
	_, first := utf8.DecodeRuneInString(address)
	return address[:first] + "***" + address[at:]
}

type correlationKey struct{}

// WithCorrelation carries the id of the request that caused what happens in ctx.
func WithCorrelation(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, correlationKey{}, id)
}

// Correlation is the id carried by ctx, empty if there is none.
func Correlation(ctx context.Context) string {
	id, _ := ctx.Value(correlationKey{}).(string)
	return id
}

// CorrelationField is Correlation as a log field.
func CorrelationField(ctx context.Context) zap.Field {
	if id := Correlation(ctx); id != "" {
		return zap.String("correlation_id", id)
	}
	return zap.Skip()
}
