/** Presence that several tabs watch over one connection. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { place } from '../fakes.ts';
import { Desk, join } from './desk.ts';

describe('watches', () => {
  const watch = { type: 'watchPresence', group: 'g' };
  const unwatch = { type: 'unwatchPresence', group: 'g' };
  const snapshot = { type: 'presence', group: 'g', kind: 'snapshot', members: [] };

  test('presence: each watch asks, watchers alone are told, and the last one ends it', async () => {
    const desk = new Desk();
    const [first, second, third] = await desk.greeted(3);
    first?.ask(watch);
    second?.ask(watch);
    assert.equal(desk.socket.of('watchPresence').length, 2);
    desk.socket.answer('watchPresence');
    desk.socket.say(snapshot);
    assert.deepEqual(second?.take().at(-1), snapshot);
    assert.deepEqual(third?.take(), []);
    first?.tell(unwatch);
    assert.equal(desk.socket.of('unwatchPresence').length, 0);
    second?.die();
    assert.equal(desk.socket.of('unwatchPresence').length, 1);
  });

  test('presence: who is refused is told nothing', async () => {
    const desk = new Desk();
    const [tab] = await desk.greeted(1);
    tab?.ask(watch);
    desk.socket.refuse('watchPresence', 'Forbidden');
    tab?.take();
    desk.socket.say(snapshot);
    assert.deepEqual(tab?.take(), []);
  });

  test('presence: a state comes with the join, or by itself where the tab joins unasked', async () => {
    const desk = new Desk();
    const [first, second] = await desk.greeted(2);
    first?.ask({ ...join(), state: { a: '1' } });
    assert.deepEqual(desk.socket.of('joinGroup')[0]?.['state'], { a: '1' });
    desk.socket.answer('joinGroup', { position: place(1) });
    second?.ask({ ...join(), state: { a: '2' } });
    assert.deepEqual(desk.socket.of('setState')[0]?.['state'], { a: '2' });
  });
});
