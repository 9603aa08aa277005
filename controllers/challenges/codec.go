// SPDX-License-Identifier: Apache-2.0

package challenges

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/meridian-gslb/meridian/dnsserver/rdata"
	"github.com/meridian-gslb/meridian/gslb"
)

// format is the version of what is kept.
const format = 1

// kept is what is kept, as JSON.
type kept struct {
	Format  int          `json:"format"`
	Records []keptRecord `json:"records"`
}

type keptRecord struct {
	Name gslb.Name `json:"name"`
	Type string    `json:"type"` // mnemonic, or TYPE and a number
	TTL  uint32    `json:"ttl"`
	Data string    `json:"data"` // presentation format
}

// encode gives the text of records.
func encode(records []gslb.Record) ([]byte, error) {
	k := kept{Format: format, Records: []keptRecord{}}
	for _, r := range records {
		k.Records = append(k.Records, keptRecord{r.Name, rdata.TypeName(r.Type), r.TTL, r.Data})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(k)
	return b.Bytes(), err
}

// decode reads the text of records; all of it is good, or none is taken.
func decode(text []byte) ([]gslb.Record, error) {
	var k kept
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&k); err != nil {
		return nil, fmt.Errorf("it is not what Meridian keeps: %w", err)
	}
	if k.Format != format {
		return nil, fmt.Errorf("it has format %d; this version reads format %d", k.Format, format)
	}
	if d.More() {
		return nil, errors.New("there is more behind its end")
	}
	records := make([]gslb.Record, 0, len(k.Records))
	for _, r := range k.Records {
		if r.Name.IsZero() {
			return nil, errors.New("a record has no name")
		}
		t, err := rdata.ParseType(r.Type)
		if err == nil {
			err = rdata.Servable(t)
		}
		if err != nil {
			return nil, fmt.Errorf("record of %s: %w", r.Name, err)
		}
		data, err := rdata.Canonical(t, r.Data)
		if err != nil {
			return nil, fmt.Errorf("record of %s: %w", r.Name, err)
		}
		records = append(records, gslb.Record{Name: r.Name, Type: t, TTL: r.TTL, Data: data})
	}
	return records, nil
}
