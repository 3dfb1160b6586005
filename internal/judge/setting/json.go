package setting

import "encoding/json"

// JSON returns the value of a field, whatever it is, as JSON; an absent or null one is nil. What stands in it is for the caller
// to check.
func (o *Object) JSON(field string) json.RawMessage {
	value := o.find(field)
	if value == nil || value.Tag == "!!null" {
		return nil
	}
	var content any
	err := value.Decode(&content)
	if err == nil {
		var data []byte
		if data, err = json.Marshal(content); err == nil {
			return data
		}
	}
	o.Refuse(field, "%v", err)
	return nil
}
