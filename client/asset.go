package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Asset is an uploaded file. It never changes.
type Asset struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	MediaType string    `json:"media_type"`
	Size      int64     `json:"size"`   // bytes
	SHA256    string    `json:"sha256"` // in hexadecimal
	CreatedAt time.Time `json:"created_at"`
}

// UploadAsset stores a file of at most 10 MB: to be attached by its id (PublicationRequest.Attachments), or, if it is
// a PNG, JPEG, GIF or WebP image, to be shown by contents and templates as <img src="asset:id">. Repeating it makes
// another asset.
func (c *Client) UploadAsset(ctx context.Context, name, mediaType string, file io.Reader) (Asset, error) {
	var a Asset
	err := c.Send(ctx, http.MethodPost, "/assets?name="+url.QueryEscape(name), file, &a, "Content-Type", mediaType)
	return a, err
}

// Asset reads what is known of a file.
func (c *Client) Asset(ctx context.Context, id string) (Asset, error) {
	var a Asset
	err := c.Call(ctx, http.MethodGet, "/assets/"+url.PathEscape(id), nil, &a)
	return a, err
}

// DeleteAsset removes a file. It is refused while a publication that is not finished needs it.
func (c *Client) DeleteAsset(ctx context.Context, id string) error {
	return c.Call(ctx, http.MethodDelete, "/assets/"+url.PathEscape(id), nil, nil)
}
