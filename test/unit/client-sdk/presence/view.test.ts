/** The view of presence against the truth, whatever happens: changes, reconnects, numbers only. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { PresenceMember } from '../../../../client-sdk/src/presence/members.ts';
import { PresenceView, type WireMember } from '../../../../client-sdk/src/presence/view.ts';
import { FakeClock } from '../fakes.ts';

const holdMs = 3000;

/** Connections `u.1`, `u.2` ... of users `u`; those of the user `-` have none. */
const connection = fc.constantFrom('a.1', 'a.2', 'b.1', 'b.2', 'c.1', '-.1', '-.2');

type Step =
  | { readonly kind: 'come' | 'go' | 'change'; readonly id: string }
  | { readonly kind: 'reconnect'; readonly missing: readonly string[] }
  | { readonly kind: 'snapshot' | 'counts' }
  | { readonly kind: 'pass'; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('come', 'go', 'change'), id: connection }),
  fc.record({
    kind: fc.constant('reconnect' as const),
    missing: fc.uniqueArray(connection, { maxLength: 4 }),
  }),
  fc.record({ kind: fc.constantFrom('snapshot', 'counts') }),
  fc.record({ kind: fc.constant('pass' as const), ms: fc.constantFrom(1, 1000, 3000) }),
);

const keyOf = ({ connections: [first], userId }: PresenceMember): string =>
  userId ?? first?.connectionId ?? '';

/** A gateway with one group, what it tells, and what an application makes of what it is told. */
class Plant {
  readonly clock = new FakeClock();
  /** What is true. */
  readonly truth = new Map<string, WireMember>();
  /** What an application has that only listens. */
  readonly heard = new Map<string, PresenceMember>();
  /** Users that were told to be gone. */
  readonly left: string[] = [];
  readonly view: PresenceView;
  #isCounting = false;
  #versions = 0;

  constructor() {
    this.view = new PresenceView({
      clock: this.clock,
      holdMs,
      onChange: ({ joined, left, updated }) => {
        if (this.view.isCounting) this.heard.clear();
        for (const member of joined) {
          assert.ok(!this.heard.has(keyOf(member)), `${keyOf(member)} joins twice`);
          this.heard.set(keyOf(member), member);
        }
        for (const member of updated) {
          assert.ok(this.heard.has(keyOf(member)), `${keyOf(member)} changes before it joins`);
          this.heard.set(keyOf(member), member);
        }
        for (const member of left) {
          assert.ok(this.heard.delete(keyOf(member)), `${keyOf(member)} leaves before it joins`);
          this.left.push(keyOf(member));
        }
        assert.deepEqual(
          [...this.heard.keys()].toSorted(),
          [...this.view.members.keys()].toSorted(),
        );
      },
    });
  }

  async do(next: Step): Promise<void> {
    switch (next.kind) {
      case 'come':
      case 'change':
        this.#come(next.id);
        return;
      case 'go':
        this.#go(next.id);
        return;
      case 'reconnect':
        this.#isCounting = false;
        this.snapshot(next.missing, true);
        for (const id of next.missing) if (this.truth.has(id)) this.#come(id);
        return;
      case 'snapshot':
        this.#isCounting = false;
        this.snapshot([], false);
        return;
      case 'counts':
        this.#isCounting = true;
        this.view.take({ kind: 'counts', connections: this.truth.size }, false);
        return;
      case 'pass':
        await this.clock.pass(next.ms);
    }
  }

  /** Of all but those that the node does not know of yet. */
  snapshot(missing: readonly string[], isAfterReconnect: boolean): void {
    if (isAfterReconnect) this.view.pause();
    const members = [...this.truth.values()].filter((one) => !missing.includes(one.connectionId));
    this.view.take({ kind: 'snapshot', members }, isAfterReconnect);
  }

  #come(connectionId: string): void {
    const [name = ''] = connectionId.split('.');
    this.#versions += 1;
    const state = { version: String(this.#versions) };
    const userId = name === '-' ? undefined : name;
    const member = { connectionId, since: 1, state, ...(userId !== undefined && { userId }) };
    this.truth.set(connectionId, member);
    if (!this.#isCounting) this.view.take({ kind: 'changes', set: [member], left: [] }, false);
  }

  #go(connectionId: string): void {
    this.truth.delete(connectionId);
    if (!this.#isCounting)
      this.view.take({ kind: 'changes', set: [], left: [connectionId] }, false);
  }
}

const usersOf = (connections: Iterable<string>): string[] =>
  [
    ...new Set([...connections].map((id) => (id.startsWith('-') ? id : (id.split('.')[0] ?? '')))),
  ].toSorted();

describe('presence view', () => {
  test('what is told adds up to what is shown, and in the end to the truth', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const plant = new Plant();
        for (const next of steps) await plant.do(next);
        // Changes alone must lead there, unless only numbers were told last.
        if (plant.view.isCounting) await plant.do({ kind: 'snapshot' });
        await plant.clock.pass(holdMs);
        assert.deepEqual([...plant.view.members.keys()].toSorted(), usersOf(plant.truth.keys()));
        assert.equal(plant.view.connections, plant.truth.size);
        for (const member of plant.view.members.values()) {
          for (const { connectionId, state } of member.connections) {
            assert.deepEqual(state, plant.truth.get(connectionId)?.state);
          }
        }
        assert.equal(plant.clock.pending, 0);
      }),
    );
  });

  test('over reconnects, whoever comes back within the time is never told to be gone', async () => {
    const awayMs = fc.nat({ max: holdMs - 1 });
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(step, awayMs), { maxLength: 40 }), async (steps) => {
        const plant = new Plant();
        let comings = 1;
        await plant.do({ kind: 'come', id: 'stays.1' });
        for (const [next, ms] of steps) {
          await plant.do({ ...next, ...(next.kind === 'reconnect' && { missing: [] }) });
          if (next.kind !== 'reconnect') continue;
          plant.truth.delete(`stays.${comings}`);
          plant.snapshot([], true);
          await plant.clock.pass(ms);
          comings += 1;
          await plant.do({ kind: 'come', id: `stays.${comings}` });
        }
        assert.ok(!plant.left.includes('stays'));
      }),
    );
  });
});
