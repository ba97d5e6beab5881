/** The report out of raw data: verdicts, tables, plots, and what it says of runs that do not count. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  Cell,
  known,
  readRawData,
  writeRawData,
  type Measurement,
  type RawData,
} from '../../../../bench/report/data.ts';
import { k6Measurements, stalledMeasurements } from '../../../../bench/report/imported.ts';
import { makePage } from '../../../../bench/report/page.ts';
import { highestHeld, outcomeOf, searchHighest } from '../../../../bench/report/search.ts';
import { selectSteps } from '../../../../bench/report/selection.ts';
import { verdictsOf } from '../../../../bench/report/verdicts.ts';

function run(row: string, target: string, more: Partial<Measurement>): Measurement {
  return { row, target, params: {}, values: {}, invalid: [], ...more };
}

const measurements: readonly Measurement[] = [
  run('fanout', 'gateway', {
    params: { rate: 50 },
    values: { cpuShare: 0.3, serverCpuSeconds: 1, deliveries: 1000, complete: 1 },
    latency: [
      [1000, 9],
      [5000, 1],
    ],
  }),
  run('fanout', 'topics-deferred', {
    params: { rate: 50 },
    values: { cpuShare: 0.3, serverCpuSeconds: 1, deliveries: 1000, complete: 0.5 },
    latency: [[1000, 10]],
  }),
  run('fanout', 'gateway', { params: { rate: 50 }, values: { cpuShare: 9 }, invalid: ['busy'] }),
  run('fanout-highest', 'gateway', { params: { rate: 4000 }, values: { held: 1 } }),
  run('fanout-highest', 'gateway', { params: { rate: 8000 }, values: { held: 0 } }),
  run('fanout-highest', 'topics', { params: { rate: 2000 }, values: { held: 1 } }),
  run('accept', 'gateway', { values: { accepted: 9000, serverCpuSeconds: 1, seconds: 1 } }),
];
const data: RawData = {
  version: 1,
  command: 'npm run bench:report',
  startedAt: '2026-11-24T12:00:00.000Z',
  seconds: 120,
  machine: { node: 'v1' },
  measurements,
  missing: ['cross (no Redis)'],
};

function inFolder(use: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-report-'));
  try {
    use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('raw data', () => {
  test('a file is read as it was written, and another is refused', () => {
    inFolder((folder) => {
      const path = join(folder, 'data.json');
      writeRawData(path, data);
      assert.deepEqual(readRawData(path), data);
      writeFileSync(path, '{"version":2}');
      assert.throws(() => readRawData(path), /no raw data/);
    });
  });

  test('a cell: runs that do not count are left out, totals are divided by totals', () => {
    const cell = new Cell(measurements, 'fanout', 'gateway', { rate: 50 });
    assert.deepEqual([cell.runs.length, cell.invalid], [1, 1]);
    assert.equal(cell.median('cpuShare'), 0.3);
    assert.equal(cell.quotient('deliveries', 'serverCpuSeconds'), 1000);
    assert.equal(cell.quotient('deliveries', 'nothing'), undefined);
    assert.equal(cell.latency(0.5), 1000);
    assert.equal(cell.latency(0.99), 5000);
  });

  test('known: leaves out what is not', () => {
    assert.deepEqual(known({ a: 1, b: undefined, c: Number.NaN }), { a: 1 });
  });
});

describe('search', () => {
  test('outcome: held by p99 and completeness, whatever the generator did', () => {
    const held = run('x', 'y', { latency: [[99_000, 1]], values: { complete: 1 } });
    assert.equal(outcomeOf(held), 'held');
    assert.equal(outcomeOf({ ...held, invalid: ['busy'] }), 'held');
    assert.equal(outcomeOf({ ...held, values: { complete: 0.9 } }), 'failed');
    assert.equal(outcomeOf({ ...held, latency: [[100_000, 1]] }), 'failed');
    assert.equal(outcomeOf({ ...held, latency: [], invalid: ['busy'] }), 'unmeasurable');
  });

  test('search: candidates take turns and end near their limits', async () => {
    const order: string[] = [];
    const candidate = (name: string, limit: number) => ({
      name,
      start: 100,
      measure: async (rate: number): Promise<Measurement> => {
        order.push(name);
        const latency = [[rate <= limit ? 1000 : 200_000, 1] as const];
        return await Promise.resolve(
          run('r', name, { params: { rate }, latency, values: { complete: 1 } }),
        );
      },
    });
    const runs = await searchHighest([candidate('a', 1000), candidate('b', 300)], () => undefined);
    assert.deepEqual(order.slice(0, 4), ['a', 'b', 'a', 'b']);
    const best = (name: string): number => highestHeld(runs, 'r', name)?.params['rate'] ?? 0;
    assert.ok(best('a') > 850 && best('a') <= 1000);
    assert.ok(best('b') > 250 && best('b') <= 300);
  });
});

describe('report page', () => {
  test('verdicts: held, not held, and what was not measured', () => {
    const verdicts = verdictsOf(measurements);
    const of = (part: string): string | undefined =>
      verdicts.find(({ what }) => what.includes(part))?.verdict;
    assert.equal(of('against topics'), 'held');
    assert.equal(of('CPU at 50'), 'held');
    assert.equal(of('accepted with a verified token'), 'not held');
    assert.equal(of('against socket.io'), 'not measured');
    assert.equal(of('stalled reader'), 'not measured');
  });

  test('page: tables and plots of what there is, and what saturated, is invalid or missing', () => {
    const { markdown, plots } = makePage(data, 'results/report');
    assert.match(markdown, /\| gateway +\| +50 \| +30 % \| +1,000 \| +1\.00 \| +5\.00 \|/);
    assert.match(markdown, /2\.00 × \(4,000 and 2,000\/s\)/);
    assert.match(markdown, /Saturated: topics-deferred at 50\/s delivered 50\.0 %/);
    assert.match(markdown, /Does not count \(1\): fanout, gateway at 50\/s: busy/);
    assert.match(markdown, /Not measured: cross \(no Redis\)/);
    assert.doesNotMatch(markdown, /## User to user/);
    assert.deepEqual(
      plots.map(({ name }) => name),
      ['fan-out-latency'],
    );
    for (const { name } of plots) assert.ok(markdown.includes(`(results/report/${name}.svg)`));
  });

  test('selection: under half an hour, each step named once', () => {
    const steps = selectSteps(false);
    const seconds = steps.reduce((sum, step) => sum + step.seconds, 0);
    assert.ok(seconds < 30 * 60, String(seconds));
    assert.equal(new Set(steps.map(({ name }) => name)).size, steps.length);
  });
});

describe('imported results', () => {
  test('k6 and stalled readers: every run with its figures, and why it does not count', () => {
    inFolder((folder) => {
      const path = join(folder, 'file.json');
      const k6Run = {
        scenario: 'echo',
        backplane: 'nats',
        nodes: 3,
        rate: 5,
        invalid: ['late'],
        broken: [],
        expected: 9,
        delivered: 8,
        duplicate: 0,
        gaps: 0,
        reconnects: 0,
        cpu: { coresOf: { k6: 0.5 } },
        latency: [[1, 2]],
      };
      writeFileSync(path, JSON.stringify({ machine: {}, sections: [{ runs: [k6Run] }] }));
      const [k6] = k6Measurements(path);
      assert.equal(k6?.target, 'echo nats');
      assert.deepEqual(k6?.invalid, ['late']);
      assert.equal(k6?.values['k6Cores'], 0.5);
      assert.equal(k6?.values['gatewayCores'], undefined);
      const stalledRun = { target: 'gateway', stalled: 2, processPeakBytes: 7, isValid: false };
      writeFileSync(path, JSON.stringify({ machine: {}, sections: [{ runs: [stalledRun] }] }));
      const [stalled] = stalledMeasurements(path);
      assert.equal(stalled?.values['processPeakBytes'], 7);
      assert.equal(stalled?.invalid.length, 1);
    });
  });
});
