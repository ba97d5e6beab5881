/** What the backend keeps in SQLite, on databases in memory and in a file. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { People } from '../../../../../examples/chat/server/people.ts';
import { ReadMarks } from '../../../../../examples/chat/server/read-marks.ts';
import { Rooms } from '../../../../../examples/chat/server/rooms.ts';
import { seed } from '../../../../../examples/chat/server/seed.ts';
import { Sessions } from '../../../../../examples/chat/server/sessions.ts';
import { Store } from '../../../../../examples/chat/server/store.ts';
import { Topics } from '../../../../../examples/chat/server/topics.ts';

function seeded(t: TestContext) {
  const store = new Store();
  t.after(() => store.close());
  const people = new People(store);
  const rooms = new Rooms(store);
  const topics = new Topics(store);
  seed({ people, rooms, topics });
  return { store, people, rooms, topics, marks: new ReadMarks(store) };
}

const at = (offset: number, epoch = 'e') => ({ epoch, offset });

describe('store of the chat', () => {
  test('store: a file keeps what was put into it', (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'trunkline-chat-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, 'chat.db');
    const first = new Store(file);
    new People(first).add({ id: 'ida', name: 'Ida', title: 'Diver' }, true);
    first.close();
    const second = new Store(file);
    t.after(() => second.close());
    const people = new People(second);
    assert.deepEqual(people.all(), [{ id: 'ida', name: 'Ida', title: 'Diver' }]);
    assert.equal(people.isAdmin('ida'), true);
  });

  test('friends: they are so both ways, and once', (t) => {
    const { people } = seeded(t);
    assert.equal(people.friendsOf('anna').includes('dan'), false);
    assert.equal(people.befriend('anna', 'dan'), true);
    assert.equal(people.befriend('dan', 'anna'), false);
    assert.ok(people.friendsOf('anna').includes('dan'));
    assert.ok(people.friendsOf('dan').includes('anna'));
  });

  test('rooms: a private one is seen by its members only, and nobody else takes part', (t) => {
    const { rooms } = seeded(t);
    const names = (person: string) => rooms.visibleTo(person).map((room) => room.conversation);
    assert.ok(names('farid').includes('private.watch'));
    assert.ok(!names('dan').includes('private.watch'));
    assert.ok(names('dan').includes('room.berths'));
    assert.equal(rooms.takesPart('private.watch', 'dan'), false);
    assert.equal(rooms.takesPart('room.berths', 'dan'), false);
    rooms.join('room.berths', 'dan');
    assert.equal(rooms.takesPart('room.berths', 'dan'), true);
    rooms.leave('room.berths', 'dan');
    assert.equal(rooms.takesPart('room.berths', 'dan'), false);
    assert.equal(rooms.takesPart('room.nowhere', 'dan'), false);
  });

  test('rooms: a direct conversation is of its two people', (t) => {
    const { rooms } = seeded(t);
    assert.equal(rooms.takesPart('dm.anna.ben', 'ben'), true);
    assert.equal(rooms.takesPart('dm.anna.ben', 'carla'), false);
    assert.equal(rooms.takesPart('dm.anna.ben.carla', 'carla'), false);
  });

  test('marks: they go forward only, and what is read was delivered', (t) => {
    const { marks } = seeded(t);
    assert.deepEqual(marks.advance('room.harbour', 'ben', { delivered: at(5) }), {
      delivered: at(5),
      read: undefined,
    });
    assert.deepEqual(marks.advance('room.harbour', 'ben', { read: at(7) }), {
      delivered: at(7),
      read: at(7),
    });
    assert.equal(
      marks.advance('room.harbour', 'ben', { read: at(6), delivered: at(7) }),
      undefined,
    );
    assert.deepEqual(marks.of('room.harbour'), { ben: { delivered: at(7), read: at(7) } });
  });

  test('marks: those of another history take the place of the old ones', (t) => {
    const { marks } = seeded(t);
    marks.advance('room.harbour', 'ben', { read: at(900) });
    const next = { delivered: at(2, 'f'), read: at(1, 'f') };
    marks.advance('room.harbour', 'ben', next);
    assert.deepEqual(marks.of('room.harbour')['ben']?.read, at(1, 'f'));
  });

  test('topics: one subscribes, is among the subscribers, and ends it', (t) => {
    const { topics } = seeded(t);
    topics.subscribe('maintenance', 'dan');
    topics.subscribe('maintenance', 'dan');
    assert.deepEqual(topics.subscribersOf('maintenance'), ['dan']);
    assert.equal(topics.get('maintenance', 'dan')?.isSubscribed, true);
    assert.equal(topics.get('maintenance', 'eva')?.isSubscribed, false);
    topics.unsubscribe('maintenance', 'dan');
    assert.deepEqual(topics.subscribersOf('maintenance'), []);
    assert.equal(topics.get('nothing', 'dan'), undefined);
  });

  test('notices: they are read once, by one person, and forgotten after a month', (t) => {
    const { topics } = seeded(t);
    const dayMs = 24 * 3_600_000;
    topics.markRead('dan', ['a', 'b'], dayMs);
    topics.markRead('dan', ['b', 'c'], 2 * dayMs);
    assert.deepEqual(topics.readBy('dan'), ['a', 'b', 'c']);
    assert.deepEqual(topics.readBy('eva'), []);
    topics.markRead('eva', ['d'], 32 * dayMs + 1);
    assert.deepEqual(topics.readBy('dan'), ['c']);
  });

  test('sessions: the secret opens one until it is closed or too old', (t) => {
    const { store } = seeded(t);
    let nowMs = 0;
    const sessions = new Sessions(store, () => nowMs);
    const secret = sessions.open('anna');
    const other = sessions.open('anna');
    assert.notEqual(secret, other);
    assert.equal(sessions.personOf(secret), 'anna');
    assert.equal(sessions.personOf('guessed'), undefined);
    sessions.close(secret);
    assert.equal(sessions.personOf(secret), undefined);
    assert.equal(sessions.personOf(other), 'anna');
    nowMs = 30 * 24 * 3_600_000;
    assert.equal(sessions.personOf(other), undefined);
  });

  test('sessions: a person has twenty at most, and the oldest ends', (t) => {
    const { store } = seeded(t);
    let nowMs = 0;
    const sessions = new Sessions(store, () => (nowMs += 1));
    const secrets = Array.from({ length: 22 }, () => sessions.open('anna'));
    const open = secrets.map((secret) => sessions.personOf(secret) === 'anna');
    assert.deepEqual(open.slice(0, 3), [false, false, true]);
    assert.equal(open.filter(Boolean).length, 20);
  });
});
