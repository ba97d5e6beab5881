/** Names of streams at the server: no two classes or prefixes share one, and subjects never overlap. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  classNames,
  epochOf,
  purgeSubject,
  republishing,
  storedSubject,
} from '../../../../../backplanes/nats/streams/names.ts';
import { subjectOf } from '../../../../../backplanes/nats/subject.ts';

test('names: prefixes and classes never share a stream, and names hold no dots', () => {
  const prefixes = ['a.b', 'a_b', 'a_ob', 'a-b', 'a', 'a_q', 'a.q'];
  const names = prefixes.flatMap((prefix) =>
    ['b', 'q', 'chat'].flatMap((name) =>
      [true, false].map((isLive) => classNames(prefix, name, isLive).stream),
    ),
  );
  assert.equal(new Set(names).size, names.length);
  for (const name of names) assert.match(name, /^[A-Za-z0-9_-]+$/);
});

test('names: what is stored is published where its key is subscribed', () => {
  const names = classNames('tl.x', 'chat', true);
  const { dest, src } = republishing('tl.x', names);
  for (const key of ['g:hub:room 1', '', 'x'.repeat(2000), 'p']) {
    const stored = storedSubject(names, key);
    assert.ok(stored.startsWith(names.root));
    assert.equal(stored.replace(src.slice(0, -1), dest.slice(0, -1)), subjectOf('tl.x', key));
    assert.notEqual(purgeSubject(names, key), stored);
  }
  assert.ok(
    !subjectOf('tl.x', 's').startsWith(names.root),
    'what is published is not stored again',
  );
});

test('names: the epoch follows the stream and the time at which it was made', () => {
  const created = '2026-11-24T15:11:15.229901821Z';
  assert.equal(epochOf('s', created), epochOf('s', created));
  assert.notEqual(epochOf('s', created), epochOf('t', created));
  assert.notEqual(epochOf('s', created), epochOf('s', created.replace('1Z', '2Z')));
});
