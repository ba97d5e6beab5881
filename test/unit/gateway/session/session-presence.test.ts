/** What a session makes of presence: who may watch, in what order it is told, what ends a watch. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { leaveKindOf } from '../../../../gateway/session/leave-kind.ts';
import { nativeAck, nativeFixture } from './native-fixtures.ts';
import { permissionsOf, settled, type SessionFixture } from './session-fixtures.ts';

const group = { kind: 'group', name: 'g' } as const;
const all = { kind: 'all' } as const;

async function open(roles: readonly string[] = []): Promise<SessionFixture> {
  const fixture = nativeFixture({ roles: ['webpubsub.joinLeaveGroup', ...roles] });
  await fixture.open();
  return fixture;
}

function errorNames(answers: readonly unknown[]): unknown[] {
  // Every answer here is an ack.
  const acks = answers as readonly { readonly error?: { readonly name: string } }[];
  return acks.map(({ error }) => error?.name);
}

describe('session: presence', () => {
  test('watchPresence: the ack first, then what is there', async () => {
    const fixture = await open();
    fixture.subscribers.groups = ['g'];
    let answer: () => void = () => undefined;
    fixture.presence.known = new Promise((resolve) => {
      answer = resolve;
    });
    assert.deepEqual(await fixture.ask({ kind: 'watchPresence', to: group, ackId: 1 }), []);
    assert.deepEqual(fixture.presence.started, []);
    answer();
    await settled();
    assert.deepEqual(fixture.socket.frames, [nativeAck(1)]);
    assert.deepEqual(fixture.presence.started, [group]);
  });

  test('watchPresence: members of the group may, others need a role', async () => {
    const rights: readonly [roles: readonly string[], group: boolean, all: boolean][] = [
      [[], false, false],
      [['trunkline.watchPresence'], true, true],
      [['trunkline.watchPresence.g'], true, false],
      [['trunkline.watchPresence.?'], true, false],
      [['trunkline.watchPresence.other'], false, false],
    ];
    for (const [roles, mayGroup, mayAll] of rights) {
      const fixture = await open(roles);
      const refused = (may: boolean) => [may ? undefined : 'Forbidden'];
      const one = await fixture.ask({ kind: 'watchPresence', to: group, ackId: 1 });
      assert.deepEqual(errorNames(one), refused(mayGroup), roles.join());
      const other = await fixture.ask({ kind: 'watchPresence', to: all, ackId: 2 });
      assert.deepEqual(errorNames(other), refused(mayAll), roles.join());
    }
  });

  test('watchPresence: who lost the right meanwhile is told so and sees nothing', async () => {
    const fixture = await open(['trunkline.watchPresence']);
    let answer: () => void = () => undefined;
    fixture.presence.known = new Promise((resolve) => {
      answer = resolve;
    });
    await fixture.ask({ kind: 'watchPresence', to: all, ackId: 1 });
    const [request] = fixture.presence.watches;
    assert.equal(request?.isAllowed(), true);
    fixture.session.permissions = permissionsOf([]);
    assert.equal(request?.isAllowed(), false);
    answer();
    await settled();
    assert.deepEqual(errorNames(fixture.socket.frames), ['Forbidden']);
    assert.deepEqual(fixture.presence.started, []);
    assert.deepEqual(fixture.presence.unwatched, [all]);
  });

  test('watchPresence, setState: they wait for a join that was asked for before', async () => {
    const fixture = await open();
    fixture.subscribers.joining.isClosed = true;
    await fixture.ask({ kind: 'joinGroup', group: 'g', ackId: 1 });
    await fixture.ask({ kind: 'setState', group: 'g', state: [['a', 'b']], ackId: 2 });
    await fixture.ask({ kind: 'watchPresence', to: group, ackId: 3 });
    assert.deepEqual([fixture.presence.states, fixture.presence.watches], [[], []]);
    fixture.subscribers.groups = ['g'];
    fixture.subscribers.joining.gates[0]?.open();
    await settled();
    assert.deepEqual(fixture.presence.states, [{ group: 'g', state: [['a', 'b']] }]);
    assert.deepEqual(fixture.presence.started, [group]);
  });

  test('joinGroup: a state that is too large is refused before anything is joined', async () => {
    const fixture = await open();
    fixture.presence.pairsMax = 0;
    const join = { kind: 'joinGroup', group: 'g', state: [['a', 'b']], ackId: 1 };
    assert.deepEqual(errorNames(await fixture.ask(join)), ['BadRequest']);
    assert.deepEqual(
      fixture.subscribers.log.filter((line) => line.startsWith('join')),
      [],
    );
  });

  test('unwatchPresence: ends a watch, and succeeds where there is none', async () => {
    const fixture = await open(['trunkline.watchPresence']);
    const unwatch = { kind: 'unwatchPresence', to: all };
    assert.deepEqual(await fixture.ask({ ...unwatch, ackId: 1 }), [nativeAck(1)]);
    await fixture.ask({ kind: 'watchPresence', to: all, ackId: 2 });
    assert.deepEqual(await fixture.ask({ ...unwatch, ackId: 3 }), [nativeAck(3)]);
    assert.deepEqual(fixture.presence.unwatched.at(-1), all);
  });

  test('close: everything that was watched is forgotten', async () => {
    const fixture = await open(['trunkline.watchPresence']);
    await fixture.ask({ kind: 'watchPresence', to: all, ackId: 1 });
    fixture.session.onClose(1006);
    assert.equal(fixture.presence.forgotten, 1);
  });

  test('close: some codes say that the client does not come back', () => {
    for (const code of [1000, 1005, 1003, 1007, 1008, 1009])
      assert.equal(leaveKindOf(code), 'left');
    for (const code of [1001, 1006, 1011, 4008, 4009, 4401])
      assert.equal(leaveKindOf(code), 'lost');
  });
});
