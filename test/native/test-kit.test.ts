/** The test kit's gateway is like a real one: the same tests run on both. */
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import type { Client, Group } from '../../client-sdk/src/index.ts';
import { presence, type Presence } from '../../client-sdk/src/presence/index.ts';
import { waitFor } from '../support/wait.ts';
import { retainedMax, sides, type Side } from './test-kit-sides.ts';

function heard(channel: Pick<Group, 'on'>): unknown[] {
  const all: unknown[] = [];
  channel.on('message', ({ data }) => all.push(data));
  channel.on('gap', ({ reason }) => all.push(`gap ${reason}`));
  return all;
}

async function joined(client: Client, name: string): Promise<Group> {
  const group = client.group(name);
  await waitFor(() => group.state === 'live', { what: `${name} is joined` });
  return group;
}

const until = (list: readonly unknown[], count: number): Promise<unknown> =>
  waitFor(() => list.length >= count, { what: `${count} have come` });

type Scenario = (side: Side, t: TestContext) => Promise<void>;

/** Each holds on both sides. */
const scenarios: Readonly<Record<string, Scenario>> = {
  'what is published arrives once and in order, bytes included': async (side) => {
    const ben = await joined(side.client('ben'), 'room.1');
    const anna = await joined(side.client('anna'), 'room.1');
    const [toAnna, toBen] = [heard(anna), heard(ben)];
    const { position } = await anna.publish({ text: 'hi' }, { metadata: { kind: 'greeting' } });
    await anna.publish(Uint8Array.of(0, 255), { noEcho: true });
    await side.publish('room.1', [1, null]);
    await Promise.all([until(toBen, 3), until(toAnna, 2)]);
    assert.deepEqual(toBen, [{ text: 'hi' }, Uint8Array.of(0, 255), [1, null]]);
    assert.deepEqual(toAnna, [{ text: 'hi' }, [1, null]]);
    const { isComplete, messages } = await ben.history();
    assert.equal(isComplete, true);
    assert.deepEqual(
      messages.map(({ fromUserId, metadata }) => [fromUserId, metadata]),
      [
        ['anna', { kind: 'greeting' }],
        ['anna', {}],
        [undefined, {}],
      ],
    );
    assert.deepEqual(messages[0]?.position, position);
  },

  'who is in a group shows to its members, and who is online to whoever may see it': async (
    side,
  ) => {
    const roles = ['webpubsub.joinLeaveGroup', 'trunkline.watchPresence'];
    const online = presence(side.client('anna', {}, { roles }));
    const bens = presence(side.client('ben').group('room.1'));
    bens.setState({ typing: 'no' });
    const carla = side.client('carla');
    const room = carla.group('room.1');
    const carlas = presence(room);
    const shows = (of: Pick<Presence, 'members'>, names: string): Promise<unknown> =>
      waitFor(() => [...of.members.keys()].toSorted().join(' ') === names, {
        what: `"${names}" is shown`,
      });
    await Promise.all([shows(online, 'anna ben carla'), shows(bens, 'ben carla')]);
    await shows(carlas, 'ben carla');
    bens.setState({ typing: 'yes' });
    await waitFor(() => carlas.members.get('ben')?.state['typing'] === 'yes', {
      what: 'ben types',
    });
    const { connections, isCounting, isCurrent, users } = carlas.get();
    assert.deepEqual([connections, isCounting, isCurrent, users], [2, false, true, 2]);
    carlas.stop();
    room.leave();
    await shows(bens, 'ben');
    carla.close();
    await shows(online, 'anna ben');
  },

  'who may not watch or say something is told so': async (side) => {
    const client = side.client('eve', {}, { roles: [] });
    const refusals: unknown[] = [];
    client.on('error', ({ refusal }) => refusals.push(refusal));
    const online = presence(client);
    await until(refusals, 1);
    assert.deepEqual([refusals, online.get().isCurrent], [['Forbidden'], false]);
  },

  'after a cut everything that was missed comes, on groups and to the user': async (side) => {
    const client = side.client('anna');
    const group = await joined(client, 'room.1');
    const [toGroup, toUser] = [heard(group), heard(client.user())];
    await side.publish('room.1', 1);
    await until(toGroup, 1);
    side.refuse();
    side.cut();
    await waitFor(() => group.state === 'recovering', { what: 'the cut was noticed' });
    await side.publish('room.1', 2);
    await side.sendToUser('anna', 'you');
    const waiting = group.publish(3);
    side.welcome();
    await waiting;
    await Promise.all([until(toGroup, 3), until(toUser, 1)]);
    assert.deepEqual([toGroup, toUser], [[1, 2, 3], ['you']]);
  },

  'what is not retained any more is a gap, and so is any pause without a stream': async (side) => {
    const client = side.client('anna');
    const [group, live] = [await joined(client, 'room.1'), await joined(client, 'plain')];
    const [toGroup, toLive, toAll] = [heard(group), heard(live), heard(client.hub())];
    side.refuse();
    side.cut();
    await waitFor(() => group.state === 'recovering', { what: 'the cut was noticed' });
    for (let count = 0; count < retainedMax + 1; count += 1) await side.publish('room.1', count);
    await side.publish('plain', 'lost');
    side.welcome();
    await Promise.all([until(toGroup, 1), until(toLive, 1), until(toAll, 1)]);
    await side.publish('room.1', 'new');
    await side.publish('plain', 'new');
    await side.sendToAll('all');
    await Promise.all([until(toGroup, 2), until(toLive, 2), until(toAll, 2)]);
    assert.deepEqual(
      [toGroup, toLive, toAll],
      [
        ['gap unrecovered', 'new'],
        ['gap offline', 'new'],
        ['gap offline', 'all'],
      ],
    );
  },

  'a repeat has no second effect': async (side) => {
    const group = await joined(side.client('anna'), 'room.1');
    const other = await joined(side.client('anna'), 'room.1');
    const got = heard(group);
    const first = await group.publish('once', { id: 'x' });
    assert.deepEqual(await other.publish('once', { id: 'x' }), first);
    await group.publish('end');
    await until(got, 2);
    assert.deepEqual(got, ['once', 'end']);
  },

  'history goes forward and back, page by page': async (side) => {
    const group = await joined(side.client('anna'), 'room.1');
    for (let count = 1; count <= retainedMax + 2; count += 1) await side.publish('room.1', count);
    const offsets: unknown[] = [];
    const first = await group.history({ limit: 2 });
    const second = await group.history({ limit: 2, after: first.next });
    const newest = await group.history({ limit: 2, reverse: true });
    const older = await group.history({ limit: 9, reverse: true, before: newest.next?.offset });
    for (const page of [first, second, newest, older]) {
      const { hasMore, isComplete, messages, next } = page;
      offsets.push([messages.map(({ data }) => data), isComplete, hasMore, next !== undefined]);
    }
    assert.deepEqual(offsets, [
      [[3, 4], true, true, true],
      [[5, 6], true, true, true],
      [[7, 6], true, true, true],
      [[5, 4, 3], true, false, false],
    ]);
    await assert.rejects(group.history({ after: { epoch: 'another', offset: 1, tag: 1 } }), {
      refusal: 'NotFound',
    });
    const live = await joined(side.client('anna'), 'plain');
    await assert.rejects(live.history(), { refusal: 'BadRequest' });
  },

  'a group goes on after a place that was kept': async (side) => {
    const group = await joined(side.client('anna'), 'room.1');
    const { position } = await group.publish(1);
    await group.publish(2);
    assert.ok(position !== undefined);
    const later = side.client('ben').group('room.1', { since: position });
    const got = heard(later);
    await side.publish('room.1', 3);
    await until(got, 2);
    assert.deepEqual(got, [2, 3]);
  },

  'who may not, is refused': async (side) => {
    const client = side.client('anna', {}, { roles: ['webpubsub.sendToGroup.room.1'] });
    const errors: unknown[] = [];
    client.on('error', ({ refusal }) => errors.push(refusal));
    const group = client.group('room.1');
    await waitFor(() => group.state === 'left', { what: 'the join was refused' });
    await group.publish(1);
    await assert.rejects(client.group('room.2').publish(1), { refusal: 'Forbidden' });
    await assert.rejects(group.history(), { refusal: 'Forbidden' });
    await assert.rejects(client.send('x', 1), { refusal: 'InvocationFailed' });
    await assert.rejects(client.invoke('x', 1), { refusal: 'InvocationFailed' });
    await until(errors, 2);
    assert.deepEqual(errors, ['Forbidden', 'Forbidden']);
  },

  'who is put out does not come back': async (side) => {
    const client = side.client('anna');
    const ends: unknown[] = [];
    client.on('state', ({ code, message, state }) => {
      if (state === 'closed') ends.push([code, message]);
    });
    await joined(client, 'room.1');
    await side.kick('anna', 'out you go');
    await until(ends, 1);
    assert.deepEqual(ends, [[1000, 'out you go']]);
  },

  'a token of an open connection is replaced, and its end is the end of the connection': async (
    side,
  ) => {
    const reasons: string[] = [];
    const codes: unknown[] = [];
    const refusals: unknown[] = [];
    const hasEnded = (): boolean => codes.includes(4401) && refusals.length > 0;
    const client = side.client('anna', {
      getToken: ({ reason }) => {
        reasons.push(reason);
        // The new token is of somebody else, so the connection ends with the old one.
        if (reason === 'refresh') return side.token('ben');
        return side.token('anna', hasEnded() ? {} : { lifetimeMs: 2000 });
      },
    });
    client.on('error', ({ refusal }) => refusals.push(refusal));
    client.on('state', ({ code, state }) => {
      if (state === 'waiting') codes.push(code);
    });
    await waitFor(hasEnded, { what: 'the token has expired', deadlineMs: 30_000 });
    await joined(client, 'room.1');
    assert.equal(refusals[0], 'Forbidden');
    assert.ok(reasons.includes('refresh'));
    assert.equal(reasons.at(-1), 'refused');
  },
};

for (const [name, start] of Object.entries(sides)) {
  describe(`test kit: ${name}`, () => {
    for (const [what, scenario] of Object.entries(scenarios)) {
      test(`${name}: ${what}`, async (t) => scenario(await start(t), t));
    }
  });
}
