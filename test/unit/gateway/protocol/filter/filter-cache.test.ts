/** The cache of compiled filters: what it holds, forgets and refuses. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FilterCache } from '../../../../../gateway/protocol/filter/filter-cache.ts';
import { FilterError } from '../../../../../gateway/protocol/filter/filter.ts';
import { subjectOf } from './filter-reference.ts';

const bounds = { lengthMax: 64, depthMax: 4 };

describe('filter cache', () => {
  test('get: the same expression gives the same filter, another expression another', () => {
    const cache = new FilterCache(bounds, 2);
    const first = cache.get("userId eq 'a'");
    const second = cache.get("userId eq 'b'");
    assert.equal(cache.get("userId eq 'a'"), first);
    assert.notEqual(first, second);
    const subject = subjectOf({ connectionId: 'c', userId: 'a', protocol: null, groups: [] });
    assert.equal(first(subject), true);
    assert.equal(second(subject), false);
  });

  test('bound: the filter unused for the longest time goes first', () => {
    const cache = new FilterCache(bounds, 2);
    const used = cache.get('true');
    const unused = cache.get('false');
    cache.get('true');
    cache.get('not true');
    assert.equal(cache.size, 2);
    assert.equal(cache.get('true'), used);
    assert.notEqual(cache.get('false'), unused);
    assert.equal(cache.size, 2);
  });

  test('refused expressions: thrown each time, never held', () => {
    const cache = new FilterCache(bounds, 2);
    for (let round = 0; round < 5; round += 1) {
      assert.throws(() => cache.get(`broken ${round}`), FilterError);
      assert.throws(() => cache.get('x'.repeat(65)), /expect at most 64 characters/u);
    }
    assert.equal(cache.size, 0);
  });

  test('constructor: a cache for nothing is refused', () => {
    assert.throws(() => new FilterCache(bounds, 0), {
      name: 'RangeError',
      message: 'entriesMax must be 1 or more, got 0',
    });
    assert.throws(() => new FilterCache(bounds, Number.NaN), RangeError);
  });
});
