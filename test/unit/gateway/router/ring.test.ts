/** Tests of what is kept for slow members: bounds, offsets, the shared budget. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { encodeEnvelope, EnvelopeView } from '../../../../backplanes/envelope.ts';
import { FilterCache } from '../../../../gateway/protocol/filter/filter-cache.ts';
import { Delivery } from '../../../../gateway/router/delivery.ts';
import { RingBudget } from '../../../../gateway/router/backlog.ts';
import { Ring } from '../../../../gateway/router/ring.ts';

const filters = new FilterCache({ lengthMax: 100, depthMax: 10 }, 10);

function deliveryOf(size: number): Delivery {
  const bytes = encodeEnvelope({
    id: 'id',
    nodeId: 'n',
    counter: 1,
    hub: 'hub',
    kind: 'group',
    name: 'g',
    dataType: 'binary',
    data: new Uint8Array(size),
    senderConnectionId: undefined,
    senderUserId: undefined,
    noEcho: false,
    expiresAtSeconds: 0,
    extension: undefined,
  });
  return new Delivery(new EnvelopeView(bytes), { filters, isLocal: () => false, isRetained: true });
}

describe('ring', () => {
  test('ring: it keeps the newest within its bounds, each under its offset', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(5000), { maxLength: 100 }),
        fc.nat(1000),
        fc.constantFrom(1000, 20_000, 1_000_000),
        fc.constantFrom(5000, 1_000_000),
        (sizes, first, bytesMax, budgetMax) => {
          const budget = new RingBudget(budgetMax);
          const ring = new Ring(first, bytesMax, budget);
          const all: Delivery[] = [];
          for (const size of sizes) {
            const delivery = deliveryOf(size);
            all.push(delivery);
            ring.append(delivery);
            assert.ok(ring.bytes <= bytesMax);
            assert.ok(budget.bytes <= budgetMax);
            assert.equal(ring.bytes, budget.bytes);
          }
          assert.equal(ring.at(first - 1), undefined);
          assert.equal(ring.at(first + all.length), undefined);
          for (const [index, delivery] of all.entries()) {
            const offset = first + index;
            assert.equal(ring.at(offset), offset < ring.first ? undefined : delivery);
          }
          // It drops no more than it must: with the last one dropped it would be over a bound.
          const dropped = all[ring.first - first - 1];
          if (dropped !== undefined) {
            const cost = dropped.envelope.byteLength * 2 + 256;
            assert.ok(ring.bytes + cost > Math.min(bytesMax, budgetMax));
          }
          ring.clear();
          assert.deepEqual([ring.bytes, budget.bytes], [0, 0]);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('ring: what no longer fits beside others is dropped from the ring that grows', () => {
    const budget = new RingBudget(10_000);
    const one = new Ring(0, 1_000_000, budget);
    const two = new Ring(0, 1_000_000, budget);
    one.append(deliveryOf(3000));
    const before = one.bytes;
    two.append(deliveryOf(3000));
    assert.equal(two.first, 1);
    assert.deepEqual([one.bytes, two.bytes, budget.bytes], [before, 0, before]);
    one.clear();
    two.append(deliveryOf(3000));
    assert.ok(two.at(1) !== undefined);
  });
});
