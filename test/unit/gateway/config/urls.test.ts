/** Holds what is shown of URLs, and what counts as this machine, to their promises. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  isLoopbackHost,
  maskUrlSecrets,
  normalizePublicEndpoint,
} from '../../../../gateway/config/urls.ts';

test('maskUrlSecrets: no password is shown, whatever it holds', () => {
  const cases = [
    ['redis://u:pa55@h:1/0', 'redis://***@h:1/0'],
    ['redis+sentinel://a:1,u:pa55@b:2', 'redis+sentinel://***@b:2'],
    ['nats://u:pa55@a,u:pa55@b', 'nats://***@b'],
    ['redis://u:pa/55@h', 'redis://***@h'],
    ['redis://u:pa"55@h', 'redis://***@h'],
    ['nats://h?token=pa55', 'nats://h?***'],
    ['memory:', 'memory:'],
  ] as const;
  for (const [text, masked] of cases) assert.equal(maskUrlSecrets(text), masked);
});

test('isLoopbackHost: only addresses that other machines cannot reach', () => {
  for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '::1'])
    assert.ok(isLoopbackHost(host));
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example', 'localhost.example', '']) {
    assert.ok(!isLoopbackHost(host), host);
  }
});

test('normalizePublicEndpoint: what it gives, it gives back unchanged', () => {
  fc.assert(
    fc.property(fc.webUrl({ validSchemes: ['http', 'https', 'ws', 'wss'] }), (url) => {
      const endpoint = normalizePublicEndpoint(url);
      assert.ok(endpoint !== undefined && /^https?:\/\/.*[^/]$/.test(endpoint), endpoint);
      assert.equal(normalizePublicEndpoint(endpoint), endpoint);
      assert.equal(normalizePublicEndpoint(`${endpoint}/`), endpoint);
    }),
  );
});
