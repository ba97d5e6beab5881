/** Holds suggestions to being near, and the nearest. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestName } from '../../../../gateway/config/nearest-name.ts';

const names = ['port', 'host', 'publicEndpoints', 'limits.frameBytesMax'];

test('nearestName: finds what was meant, whatever the case', () => {
  assert.equal(nearestName('prot', names), 'port');
  assert.equal(nearestName('HOST', names), 'host');
  assert.equal(nearestName('publicEndpoint', names), 'publicEndpoints');
  assert.equal(nearestName('limits.frameByteMax', names), 'limits.frameBytesMax');
});

test('nearestName: says nothing when no name is near', () => {
  assert.equal(nearestName('zzzz', names), undefined);
  assert.equal(nearestName('', names), undefined);
  assert.equal(nearestName('x'.repeat(100_000), names), undefined);
});
