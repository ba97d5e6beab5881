/** Tests of what goes out: keys, ids, counters, expiry, and nothing that was not asked for. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EnvelopeView } from '../../../../backplanes/envelope.ts';
import type { Publication } from '../../../../gateway/router/ports.ts';
import { PublicationWriter } from '../../../../gateway/router/publication-writer.ts';
import { FakeClock } from './fakes.ts';

const base: Publication = {
  hub: 'hub',
  to: { kind: 'all' },
  payload: { dataType: 'text', bytes: Buffer.from('x') },
};

function writerOf(clock = new FakeClock(), nodeId = 'node1'): PublicationWriter {
  return new PublicationWriter(nodeId, clock);
}

describe('publication writer', () => {
  test('publication writer: each destination has its key', () => {
    const writer = writerOf();
    const keyOf = (to: Publication['to'], hub = 'hub'): string =>
      writer.write({ ...base, hub, to }).key;
    assert.equal(keyOf({ kind: 'all' }), 'a:hub');
    assert.equal(keyOf({ kind: 'user', name: 'a:b' }), 'u:hub:a:b');
    assert.equal(keyOf({ kind: 'group', name: 'a:b' }), 'g:hub:a:b');
    assert.equal(keyOf({ kind: 'connection', name: 'node2-x-y' }), 'n:node2');
    for (const name of ['foreign', '', '-x']) {
      assert.equal(keyOf({ kind: 'connection', name }), 'n:node1', name);
    }
  });

  test('publication writer: ids are unique, counters grow by one for each key', () => {
    const writer = writerOf();
    const other = writerOf(new FakeClock(), 'node11');
    const ids = new Set<string>();
    for (let round = 1; round <= 100; round += 1) {
      for (const name of ['a', 'b']) {
        const { bytes } = writer.write({ ...base, to: { kind: 'group', name } });
        const view = new EnvelopeView(bytes);
        assert.equal(view.counter, round);
        assert.equal(view.nodeId, 'node1');
        ids.add(view.id);
      }
      ids.add(new EnvelopeView(other.write(base).bytes).id);
    }
    assert.equal(ids.size, 300);
  });

  test('publication writer: what was said is in the envelope', () => {
    const clock = new FakeClock();
    const publication = {
      ...base,
      to: { kind: 'group', name: 'g' },
      metadata: { a: 'b' },
      stream: { streamId: 's', streamSequenceId: 3, error: { name: 'UserError' } },
      sender: { connectionId: 'node1-c', userId: 'ann' },
      noEcho: true,
      excluded: ['node2-c'],
      filter: "userId eq 'ann'",
      ttlSeconds: 10,
    } as const satisfies Publication;
    const view = new EnvelopeView(writerOf(clock).write(publication).bytes);
    const { excluded, filter, metadata, stream } = publication;
    assert.deepEqual(view.extension, { metadata, excluded, filter, stream });
    assert.deepEqual([view.hub, view.kind, view.name], ['hub', 'group', 'g']);
    assert.deepEqual([view.senderConnectionId, view.senderUserId], ['node1-c', 'ann']);
    assert.equal(view.noEcho, true);
    assert.equal(view.expiresAtSeconds, Math.ceil(clock.wallSeconds() + 10));
  });

  test('publication writer: what was not said costs nothing', () => {
    const view = new EnvelopeView(
      writerOf().write({ ...base, excluded: [], ttlSeconds: 0, filter: undefined }).bytes,
    );
    assert.equal(view.extension, undefined);
    assert.equal(view.expiresAtSeconds, 0);
    assert.equal(view.noEcho, false);
    assert.deepEqual([view.senderConnectionId, view.senderUserId], [undefined, undefined]);
  });

  test('publication writer: the bytes are its own', () => {
    const bytes = Buffer.from('payload');
    const written = writerOf().write({ ...base, payload: { dataType: 'text', bytes } });
    bytes.fill(0);
    assert.equal(Buffer.from(new EnvelopeView(written.bytes).data).toString(), 'payload');
  });
});
