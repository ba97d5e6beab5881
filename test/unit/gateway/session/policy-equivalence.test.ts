/**
 * Whoever a message is kept from live is not given it by history, by a join since a place or by a
 * resume; whoever it is for gets it by each of them; and no way leads into another hub.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  PolicyWorld,
  type ClientOptions,
  type PolicyClient,
  type Stream,
  type Told,
} from './policy-world.ts';

const hubs = ['one', 'two'];
const groups = ['g', 'h'];
const users = ['anna', 'bob'];
const allStreams: readonly Stream[] = [
  { kind: 'all' },
  ...users.map((name): Stream => ({ kind: 'user', name })),
  ...groups.map((name): Stream => ({ kind: 'group', name })),
];

const roles = [
  'webpubsub.joinLeaveGroup',
  'webpubsub.joinLeaveGroup.g',
  'webpubsub.joinLeaveGroups.h*',
  'webpubsub.sendToGroup',
];

/** Filters, with what they mean. */
const filters: Readonly<Record<string, (userId: string | undefined, of: Groups) => boolean>> = {
  "userId eq 'anna'": (userId) => userId === 'anna',
  'userId eq null': (userId) => userId === undefined,
  "'g' in groups": (_, of) => of.has('g'),
  "not ('h' in groups)": (_, of) => !of.has('h'),
};

type Groups = ReadonlySet<string>;

interface Sent {
  readonly text: string;
  readonly hub: string;
  readonly to: Stream;
  readonly excluded: readonly string[];
  readonly filter: string | undefined;
  readonly expiresAt: number;
}

const arbitraries = {
  client: fc.record<ClientOptions>({
    hub: fc.constantFrom(...hubs),
    userId: fc.constantFrom(...users, undefined),
    roles: fc.subarray(roles),
    groups: fc.subarray(groups),
  }),
  change: fc.record({
    who: fc.nat(),
    group: fc.constantFrom(...groups),
    how: fc.constantFrom('add', 'remove', 'join', 'leave', 'revoke', 'revoke all', 'grant'),
  }),
  publication: fc.record({
    hub: fc.constantFrom(...hubs),
    to: fc.constantFrom(...allStreams),
    excluded: fc.array(fc.nat(), { maxLength: 2 }),
    filter: fc.constantFrom(undefined, undefined, ...Object.keys(filters)),
    ttlSeconds: fc.constantFrom(undefined, undefined, 2, 100),
    /** A client sends it, where that goes. */
    sender: fc.option(fc.record({ who: fc.nat(), noEcho: fc.boolean() }), { nil: undefined }),
  }),
};
const { change, client, publication } = arbitraries;
const cases = fc.record({
  clients: fc.array(client, { minLength: 1, maxLength: 4 }),
  before: fc.array(change, { maxLength: 4 }),
  publications: fc.array(publication, { minLength: 1, maxLength: 6 }),
  after: fc.array(change, { maxLength: 4 }),
  laterSeconds: fc.constantFrom(0, 0, 10),
});
type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

class Run {
  readonly #world: PolicyWorld;
  readonly #sent: Sent[] = [];

  constructor(world: PolicyWorld) {
    this.#world = world;
  }

  async all({ after, before, clients, laterSeconds, publications }: Case): Promise<void> {
    const world = this.#world;
    for (const options of clients) world.connect(options);
    await world.settle();
    for (const one of before) await this.#change(one);
    for (const each of world.clients) each.take();
    for (const one of publications) await this.#publish(one);
    for (const one of after) await this.#change(one);
    world.clock.advance(laterSeconds * 1000);
    await world.settle();
    for (const each of world.clients) await this.#readAll(each);
    for (const each of world.clients) await this.#resumeAll(each);
  }

  async #change({ group, how, who }: Case['before'][number]): Promise<void> {
    const world = this.#world;
    const one = pick(world.clients, who);
    const { session } = one;
    const { permissions } = session;
    const isMember = this.#groups(one).has(group);
    const mayChange = permissions.allows('joinLeaveGroup', group);
    if (how === 'add') await world.add(one, group);
    else if (how === 'remove') world.remove(one, group);
    else if (how === 'revoke') session.permissions = permissions.revoke('joinLeaveGroup', group);
    else if (how === 'grant') session.permissions = permissions.grant('joinLeaveGroup', group);
    else if (how === 'revoke all') session.permissions = permissionsRevoked(one);
    else one.say({ type: `${how}Group`, group });
    await world.settle();
    assert.equal(this.#groups(one).has(group), isMemberAfter(how, isMember, mayChange), how);
  }

  /** What came live is what the model says. */
  async #publish(one: Case['publications'][number]): Promise<void> {
    const world = this.#world;
    const text = `m${this.#sent.length} of ${one.hub}`;
    const sender = one.sender && pick(world.clients, one.sender.who);
    const members = world.clients.map((each) => this.#isMember(each, one.hub, one.to));
    const { filter, hub, to } = one;
    if (sender !== undefined && this.#maySend(sender, one)) {
      const { noEcho = false } = one.sender ?? {};
      const { ttlSeconds } = one;
      const group = to.kind === 'group' ? to.name : '';
      sender.say({ type: 'sendToGroup', group, dataType: 'text', data: text, noEcho, ttlSeconds });
      const excluded = noEcho ? [sender.connectionId] : [];
      this.#remember({ text, hub, to, excluded, filter: undefined }, ttlSeconds);
    } else {
      const excluded = one.excluded.map((who) => pick(world.clients, who).connectionId);
      const payload = { dataType: 'text', bytes: Buffer.from(text) } as const;
      const { ttlSeconds } = one;
      await world.router.publish({ hub, to, payload, excluded, filter, ttlSeconds });
      this.#remember({ text, hub, to, excluded, filter }, ttlSeconds);
    }
    await world.settle();
    const sent = this.#sent.at(-1);
    for (const [index, each] of world.clients.entries()) {
      const isFor = members[index] === true && sent !== undefined && this.#isFor(sent, each, []);
      assert.deepEqual(textsOf(each.take(), to), isFor ? [text] : [], `live ${each.connectionId}`);
    }
  }

  #remember(sent: Omit<Sent, 'expiresAt'>, ttlSeconds: number | undefined): void {
    const now = this.#world.clock.wallSeconds();
    this.#sent.push({ ...sent, expiresAt: ttlSeconds === undefined ? Infinity : now + ttlSeconds });
  }

  #maySend({ options, session }: PolicyClient, { hub, to }: Case['publications'][number]): boolean {
    if (to.kind !== 'group' || options.hub !== hub) return false;
    return session.permissions.allows('sendToGroup', to.name);
  }

  /** Both ways of reading. */
  async #readAll(one: PolicyClient): Promise<void> {
    for (const stream of streamsOf(one)) {
      for (const reverse of [false, true]) {
        const ackId = one.say({ type: 'history', ...spelled(stream), reverse });
        await this.#world.settle();
        const told = one.take();
        const isAllowed = this.#mayRead(one, stream);
        const what = `history ${JSON.stringify([stream, reverse])} of ${one.connectionId}`;
        assert.deepEqual(refusalsOf(told, ackId), isAllowed ? [] : ['Forbidden'], what);
        const got = told.flatMap(({ messages = [] }) => messages.map(({ data }) => data));
        const expected = isAllowed ? this.#expected(one, stream, []) : [];
        assert.deepEqual(reverse ? got.toReversed() : got, expected, what);
      }
    }
  }

  async #resumeAll(one: PolicyClient): Promise<void> {
    const { router } = this.#world;
    for (const stream of streamsOf(one)) {
      const { newest } = await router.streams.info(one.options.hub, stream);
      const since = { epoch: newest.epoch, offset: 0, tag: 0 };
      const type = stream.kind === 'group' ? 'joinGroup' : 'resume';
      const ackId = one.say({ type, ...spelled(stream), since });
      await this.#world.settle();
      const told = one.take();
      const isAllowed =
        stream.kind !== 'group' || one.session.permissions.allows('joinLeaveGroup', stream.name);
      const what = `${type} ${JSON.stringify(stream)} of ${one.connectionId}`;
      assert.deepEqual(refusalsOf(told, ackId), isAllowed ? [] : ['Forbidden'], what);
      const joined = stream.kind === 'group' ? [stream.name] : [];
      const expected = isAllowed ? this.#expected(one, stream, joined) : [];
      assert.deepEqual(textsOf(told, stream), expected, what);
      if (isAllowed) for (const name of joined) assert(this.#groups(one).has(name), what);
    }
  }

  #expected(one: PolicyClient, stream: Stream, also: readonly string[]): string[] {
    const now = this.#world.clock.wallSeconds();
    return this.#sent
      .filter(({ expiresAt, hub, to }) => {
        return hub === one.options.hub && isSame(to, stream) && expiresAt >= now;
      })
      .filter((sent) => this.#isFor(sent, one, also))
      .map(({ text }) => text);
  }

  #isFor({ excluded, filter }: Sent, one: PolicyClient, also: readonly string[]): boolean {
    if (excluded.includes(one.connectionId)) return false;
    const of = new Set([...this.#groups(one), ...also]);
    return filter === undefined || (filters[filter]?.(one.options.userId, of) ?? false);
  }

  #isMember(one: PolicyClient, hub: string, to: Stream): boolean {
    if (one.options.hub !== hub) return false;
    if (to.kind === 'group') return this.#groups(one).has(to.name);
    return to.kind === 'all' || one.options.userId === to.name;
  }

  #mayRead(one: PolicyClient, stream: Stream): boolean {
    if (stream.kind !== 'group') return true;
    const isMember = this.#groups(one).has(stream.name);
    return isMember || one.session.permissions.allows('joinLeaveGroup', stream.name);
  }

  #groups(one: PolicyClient): Set<string> {
    return new Set(this.#world.groupsOf(one));
  }
}

function isMemberAfter(how: string, isMember: boolean, mayChange: boolean): boolean {
  switch (how) {
    case 'add':
      return true;
    case 'remove':
      return false;
    case 'join':
      return mayChange || isMember;
    case 'leave':
      return !mayChange && isMember;
    default:
      return isMember;
  }
}

function permissionsRevoked({ session }: PolicyClient) {
  return groups.reduce(
    (left, group) => left.revoke('joinLeaveGroup', group),
    session.permissions.revoke('joinLeaveGroup', undefined),
  );
}

function pick<T>(list: readonly T[], index: number): T {
  const found = list[index % list.length];
  assert(found !== undefined);
  return found;
}

/** The streams that a client can name. */
function streamsOf({ options: { userId } }: PolicyClient): Stream[] {
  const own: Stream[] = userId === undefined ? [] : [{ kind: 'user', name: userId }];
  return [{ kind: 'all' }, ...own, ...groups.map((name): Stream => ({ kind: 'group', name }))];
}

function spelled(stream: Stream): object {
  return stream.kind === 'group' ? { group: stream.name } : { to: stream.kind };
}

function isSame(a: Stream, b: Stream): boolean {
  return a.kind === b.kind && (a.kind === 'all' || (b.kind !== 'all' && a.name === b.name));
}

/** Texts of the messages; all must be of this stream. */
function textsOf(told: readonly Told[], stream: Stream): unknown[] {
  const messages = told.filter(({ type }) => type === 'message');
  for (const { group, to } of messages) {
    assert.deepEqual(group === undefined ? { to } : { group }, spelled(stream));
  }
  return messages.map(({ data }) => data);
}

function refusalsOf(told: readonly Told[], asked: number): (string | undefined)[] {
  return told
    .filter(({ ackId, success }) => ackId === asked && success === false)
    .map(({ error }) => error?.name);
}

test('policy: live, history, joins since a place and resumes give a client the same', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async (one) => {
      const world = await PolicyWorld.start();
      try {
        await new Run(world).all(one);
      } finally {
        await world.close();
      }
    }),
    { numRuns: 300 },
  );
});
