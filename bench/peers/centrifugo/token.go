package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"
)

// What a token says, as far as the server needs it.
type claims struct {
	Subject   string `json:"sub"`
	ExpiresAt int64  `json:"exp"`
}

type header struct {
	Algorithm string `json:"alg"`
}

var errToken = errors.New("the token is not valid")

// Checks signature and end of life of a compact HS256 token.
func verify(token string, key []byte, now time.Time) (claims, error) {
	parts := bytes.SplitN([]byte(token), []byte("."), 4)
	if len(parts) != 3 {
		return claims{}, errToken
	}
	var h header
	if err := decode(parts[0], &h); err != nil || h.Algorithm != "HS256" {
		return claims{}, errToken
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(token[:len(parts[0])+1+len(parts[1])]))
	signature, err := base64.RawURLEncoding.DecodeString(string(parts[2]))
	if err != nil || !hmac.Equal(signature, mac.Sum(nil)) {
		return claims{}, errToken
	}
	var c claims
	if err := decode(parts[1], &c); err != nil || c.ExpiresAt <= now.Unix() {
		return claims{}, errToken
	}
	return c, nil
}

func decode(part []byte, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(string(part))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
