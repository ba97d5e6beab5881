/** What a tab publishes with `noEcho`: the other tabs get it, the sender does not. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { place, streamed } from '../fakes.ts';
import { dataOf, Desk, join, joined, live } from './desk.ts';

describe('own publishes', () => {
  const publish = { type: 'sendToGroup', group: 'g', id: 'x', data: 'own', noEcho: true };
  const own = { ...streamed(6), id: 'own', data: 'own' };

  test('noEcho, a stream: all tabs get it, the sender after the answer', async () => {
    const { socket, tabs } = await joined(2);
    const [sender, other] = tabs;
    const ackId = sender?.ask(publish);
    assert.equal(socket.of('sendToGroup')[0]?.['noEcho'], undefined);
    socket.say(own, streamed(7));
    assert.deepEqual([dataOf(sender), dataOf(other)], [[], ['own', 7]]);
    socket.answer('sendToGroup', { id: 'own', position: place(6) });
    // Its client knows the id and the place by now.
    assert.deepEqual(
      sender?.take().map((frame) => frame['ackId'] ?? frame['data']),
      [ackId, 'own', 7],
    );
  });

  test('noEcho, no stream: the gateway leaves it out, and the other tabs get a copy', async () => {
    const { socket, tabs } = await live(3);
    const [sender, ...others] = tabs;
    sender?.ask({ ...publish, dataType: 'json', metadata: { k: 'v' } });
    assert.equal(socket.of('sendToGroup')[0]?.['noEcho'], true);
    socket.answer('sendToGroup', {});
    assert.deepEqual(dataOf(sender), []);
    const copy = { type: 'message', group: 'g', from: 'group', fromUserId: 'anna', data: 'own' };
    for (const other of others) {
      assert.deepEqual(other.take(), [{ ...copy, dataType: 'json', metadata: { k: 'v' } }]);
    }
    sender?.ask(publish);
    socket.refuse('sendToGroup', 'Forbidden');
    assert.deepEqual(dataOf(others[0]), []);
  });

  test('noEcho: it waits until it is known what the group is, and what is sent later does so, too', async () => {
    const desk = new Desk();
    const [first, second] = await desk.greeted(2);
    second?.ask(join());
    first?.ask(publish);
    first?.ask({ ...publish, noEcho: undefined, data: 'later' });
    assert.equal(desk.socket.of('sendToGroup').length, 0);
    desk.socket.answer('joinGroup', { position: place(1) });
    assert.deepEqual(
      desk.socket.of('sendToGroup').map(({ data, noEcho }) => [data, noEcho]),
      [
        ['own', undefined],
        ['later', undefined],
      ],
    );
  });

  test('noEcho: a refused join lets it go, too', async () => {
    const desk = new Desk();
    const [first, second] = await desk.greeted(2);
    second?.ask(join());
    first?.ask(publish);
    desk.socket.refuse('joinGroup', 'Forbidden');
    assert.equal(desk.socket.of('sendToGroup')[0]?.['noEcho'], true);
  });

  test('noEcho: who joins while one is on its way to a group without members waits for its end', async () => {
    const desk = new Desk();
    const [first, second] = await desk.greeted(2);
    first?.ask(publish);
    second?.ask(join());
    assert.equal(desk.socket.of('joinGroup').length, 0);
    desk.socket.answer('sendToGroup', { id: 'own', position: place(6) });
    assert.equal(desk.socket.of('joinGroup').length, 1);
  });
});
