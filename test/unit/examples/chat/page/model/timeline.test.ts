/** The messages of a conversation: each once and in order, from wherever they come. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { receiptOf } from '../../../../../../examples/chat/page/model/receipts.ts';
import { Timeline, type Received } from '../../../../../../examples/chat/page/model/timeline.ts';

const at = (offset: number, epoch = 'e') => ({ epoch, offset });

function message(offset: number, given: Partial<Received> = {}): Received {
  const text = `text ${offset}`;
  return {
    id: `m${offset}`,
    key: undefined,
    from: 'ben',
    text,
    timeMs: 1,
    place: at(offset),
    ...given,
  };
}

const texts = (timeline: Timeline) => timeline.entries.map(({ text }) => text);

describe('timeline', () => {
  test('order: live messages and pages in any order become the stream, each once', () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 6 }), { maxLength: 8 }),
        (batches) => {
          const timeline = new Timeline();
          for (const [index, batch] of batches.entries()) {
            const messages = batch.map((offset) => message(offset));
            if (index % 2 === 0) timeline.addPage(messages, false);
            else for (const each of messages) timeline.add(each);
          }
          const offsets = [...new Set(batches.flat())].sort((a, b) => a - b);
          assert.deepEqual(
            texts(timeline),
            offsets.map((offset) => `text ${offset}`),
          );
        },
      ),
    );
  });

  test('own: one that is being sent is shown at once, and its echo takes its place', () => {
    const timeline = new Timeline();
    timeline.send({ key: 'k', from: 'anna', text: 'mine', timeMs: 1 });
    timeline.add(message(1));
    assert.deepEqual(
      timeline.entries.map(({ status, text }) => `${text} ${status}`),
      ['text 1 sent', 'mine sending'],
    );
    const [, sending] = timeline.entries;
    assert.equal(timeline.add(message(2, { key: 'k', from: 'anna', text: 'mine' })), true);
    assert.deepEqual(texts(timeline), ['text 1', 'mine']);
    assert.equal(timeline.entries[1]?.status, 'sent');
    assert.equal(timeline.entries[1]?.key, sending?.key);
  });

  test('own: one that failed is tried again, and is there once when both came through', () => {
    const timeline = new Timeline();
    const own = { key: 'k', from: 'anna', text: 'mine', timeMs: 1 };
    timeline.send(own);
    timeline.fail('anna', 'k');
    assert.equal(timeline.entries[0]?.status, 'failed');
    timeline.send(own);
    assert.deepEqual(
      timeline.entries.map(({ status }) => status),
      ['sending'],
    );
    timeline.add(message(3, { key: 'k', from: 'anna' }));
    timeline.send(own);
    timeline.fail('anna', 'k');
    assert.deepEqual(
      timeline.entries.map(({ status }) => status),
      ['sent'],
    );
  });

  test('own: nobody takes the place of it by the same key', () => {
    const timeline = new Timeline();
    timeline.send({ key: 'k', from: 'anna', text: 'mine', timeMs: 1 });
    timeline.add(message(1, { key: 'k', from: 'mallory', text: 'not yours' }));
    assert.deepEqual(texts(timeline), ['not yours', 'mine']);
  });

  test('unread: what others have said after the mark, all of it where the mark is of another history', () => {
    const timeline = new Timeline();
    timeline.addPage([message(1), message(2, { from: 'anna' }), message(3), message(4)], true);
    assert.equal(timeline.unreadBy('anna', at(1)), 2);
    assert.equal(timeline.firstUnreadBy('anna', at(1))?.text, 'text 3');
    assert.equal(timeline.unreadBy('anna', undefined), 3);
    assert.equal(timeline.unreadBy('anna', at(900, 'f')), 3);
    assert.equal(timeline.firstUnreadBy('anna', at(4)), undefined);
    assert.deepEqual(timeline.newestNotFrom('ben'), at(2));
  });

  test('another history: it takes the place of what was here', () => {
    const timeline = new Timeline();
    timeline.add(message(7));
    timeline.add(message(1, { id: 'n1', text: 'anew', place: at(1, 'f') }));
    assert.deepEqual(texts(timeline), ['anew']);
  });

  test('restart: what was here goes, what is being sent stays', () => {
    const timeline = new Timeline();
    timeline.addPage([message(1)], true);
    timeline.send({ key: 'k', from: 'anna', text: 'mine', timeMs: 1 });
    timeline.restart();
    assert.deepEqual(texts(timeline), ['mine']);
    assert.equal(timeline.hasOlder, false);
  });

  test('bound: the oldest go, and can be loaded again', () => {
    const timeline = new Timeline();
    for (let offset = 1; offset <= 650; offset += 1) timeline.add(message(offset));
    assert.equal(timeline.entries.length, 600);
    assert.deepEqual(timeline.oldest, at(51));
    assert.equal(timeline.hasOlder, true);
  });
});

describe('receipts', () => {
  const timeline = new Timeline();
  timeline.add(message(5, { from: 'anna' }));
  const [entry] = timeline.entries;

  test('receipts: the furthest that anybody else has got', () => {
    assert.ok(entry !== undefined);
    assert.deepEqual(receiptOf(entry, {}), { kind: 'sent', people: [] });
    assert.deepEqual(receiptOf(entry, { anna: { read: at(5) }, ben: { delivered: at(4) } }), {
      kind: 'sent',
      people: [],
    });
    assert.deepEqual(receiptOf(entry, { ben: { delivered: at(5) }, eva: { delivered: at(6) } }), {
      kind: 'delivered',
      people: ['ben', 'eva'],
    });
    assert.deepEqual(receiptOf(entry, { ben: { read: at(5) }, eva: { delivered: at(6) } }), {
      kind: 'read',
      people: ['ben'],
    });
    assert.equal(receiptOf(entry, { ben: { read: at(9, 'f') } }).kind, 'sent');
  });

  test('receipts: what was not sent says so', () => {
    const own = new Timeline();
    own.send({ key: 'k', from: 'anna', text: 'mine', timeMs: 1 });
    const kinds = () => own.entries.map((each) => receiptOf(each, {}).kind);
    assert.deepEqual(kinds(), ['sending']);
    own.fail('anna', 'k');
    assert.deepEqual(kinds(), ['failed']);
  });
});
