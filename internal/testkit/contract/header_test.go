package contract

import "testing"

// TestHeadersAreAsTheirExamples: what holds the document against OpenAPI passes over them.
func TestHeadersAreAsTheirExamples(t *testing.T) {
	t.Parallel()
	d, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	headers, pointer := d.resolve(node{"$ref": "#/components/headers"}, "")
	for name, value := range headers {
		header, _ := value.(node)
		if header["example"] == nil {
			t.Errorf("%s has no example", name)
		} else if err := d.fits(pointer+"/"+name+"/schema", header["example"]); err != nil {
			t.Errorf("the example of %s: %v", name, err)
		}
	}
	if len(headers) < 10 {
		t.Errorf("only %d headers", len(headers))
	}
}
