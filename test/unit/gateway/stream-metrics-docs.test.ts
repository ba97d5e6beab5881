/** Streams in docs/OPERATIONS.md: every metric is there, and every event that it names is counted. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { newStreamCounters } from '../../../gateway/router/streams/stream-counters.ts';

test('docs/OPERATIONS.md, streams: names what there is', () => {
  const text = readFileSync('docs/OPERATIONS.md', 'utf8');
  const section = /\n## Streams\n([\s\S]*?)\n## /.exec(text)?.[1] ?? assert.fail('no section');
  const source = readFileSync('gateway/stream-metrics.ts', 'utf8');
  for (const [, name = ''] of source.matchAll(/name: '(trunkline_[a-z_]+)'/g)) {
    assert.ok(section.includes(`\`${name}\``), `${name} is not described`);
  }
  const rows = section.slice(section.indexOf('| `event`')).split('\n').slice(2);
  const events = rows.flatMap((row) => /^\| `([A-Za-z]+)`/.exec(row)?.[1] ?? []);
  assert.ok(events.length >= 7);
  const known = Object.keys(newStreamCounters());
  for (const event of events) assert.ok(known.includes(event), `nothing counts ${event}`);
});
