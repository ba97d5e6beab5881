/** Tests of the ring that keeps the newest of each key, against a model that keeps a list. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { encodeEnvelope, EnvelopeView } from '../../../../backplanes/envelope.ts';
import { FilterCache } from '../../../../gateway/protocol/filter/filter-cache.ts';
import { costOf, RingBudget } from '../../../../gateway/router/backlog.ts';
import { Delivery } from '../../../../gateway/router/delivery.ts';
import { LatestRing } from '../../../../gateway/router/latest-ring.ts';

const filters = new FilterCache({ lengthMax: 100, depthMax: 10 }, 10);

function deliveryOf(size: number, key: string | undefined): Delivery {
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
    extension: key === undefined ? undefined : { metadata: { key } },
  });
  return new Delivery(new EnvelopeView(bytes), { filters, isLocal: () => false, isRetained: true });
}

const publication = fc.record({
  size: fc.nat(3000),
  key: fc.constantFrom(undefined, '', 'a', 'b', 'c', 'd', 'e'),
});

describe('latest ring', () => {
  test('latest ring: it keeps the newest of each key within its bounds, in order', () => {
    fc.assert(
      fc.property(
        fc.array(publication, { maxLength: 120 }),
        fc.nat(1000),
        fc.constantFrom(3000, 12_000, 1_000_000),
        fc.constantFrom(5000, 1_000_000),
        (publications, first, bytesMax, budgetMax) => {
          const budget = new RingBudget(budgetMax);
          const ring = new LatestRing({ first, keyName: 'key', bytesMax, budget });
          let kept: { offset: number; key: string | undefined; delivery: Delivery }[] = [];
          for (const [index, { key, size }] of publications.entries()) {
            const delivery = deliveryOf(size, key);
            ring.append(delivery);
            kept = kept.filter((entry) => entry.key !== key);
            kept.push({ offset: first + index, key, delivery });
            const isOver = (): boolean =>
              kept.reduce((sum, entry) => sum + costWithKey(entry), 0) >
              Math.min(bytesMax, budgetMax);
            while (isOver()) kept.shift();
            assert.equal(ring.bytes, budget.bytes);
          }
          const end = first + publications.length;
          for (let offset = first; offset <= end; offset += 1) {
            const next = kept.find((entry) => entry.offset >= offset);
            assert.equal(ring.nextFrom(offset), next?.offset);
            assert.equal(ring.at(offset), kept.find((entry) => entry.offset === offset)?.delivery);
          }
          ring.clear();
          assert.deepEqual([ring.bytes, budget.bytes], [0, 0]);
        },
      ),
      { numRuns: 200 },
    );
  });
});

function costWithKey({ delivery, key }: { delivery: Delivery; key: string | undefined }): number {
  return costOf(delivery) + (key === undefined ? 0 : (key.length + 1) * 2);
}
