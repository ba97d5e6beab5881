/** `npm run bench:k6`: starts clusters, lets k6 use them, and writes what came of it. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { startCluster, type Cluster } from '../cluster/cluster.ts';
import { streamSettings, writeSettings } from '../micro/gateway-target.ts';
import { describeMachine } from '../micro/machine.ts';
import { inRepository } from '../micro/paths.ts';
import { formatSection } from '../micro/report.ts';
import { formatMs } from '../micro/table.ts';
import { mergeSamples, percentile } from '../micro/statistics.ts';
import { cpuBetween, readCpu, type CpuReading } from '../micro/cpu-window.ts';
import { k6Version, requireK6 } from './k6-binary.ts';
import { runK6 } from './k6-process.ts';
import { k6Scenarios, publishesInOrder, whyNoCell } from './catalog.ts';
import { makePlan } from './make-plan.ts';
import { act } from './node-actions.ts';
import { k6Usage, parseK6Options, UsageError, type K6Options } from './options.ts';
import { summarize, writeK6Report } from './summary.ts';
import { whatBroke, whyInvalid, type K6Cell, type MeasuredRun } from './verdict.ts';

/** For k6 to start, beside its schedule. */
const graceMs = 60_000;
/** For the nodes of a fresh cluster to have met. */
const settleMs = 1000;

function progress(text: string): void {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}

/** A fresh cluster for one run. */
async function measure(cell: K6Cell, options: K6Options): Promise<MeasuredRun> {
  const settingsFile = writeSettings('k6', streamSettings);
  try {
    const cluster = await startCluster({
      backplane: cell.backplane,
      nodes: cell.nodes,
      nginx: options.viaNginx,
      env: {
        ...(k6Scenarios[cell.scenario].isStream === true ? { TRUNKLINE_CONFIG: settingsFile } : {}),
        // The bound against storms would only delay the start.
        TRUNKLINE_UPGRADES_PER_SECOND_MAX: '1000000',
      },
    });
    try {
      await delay(settleMs);
      return await load(cell, cluster, options);
    } finally {
      await cluster.stop();
    }
  } finally {
    rmSync(settingsFile, { force: true });
  }
}

async function load(cell: K6Cell, cluster: Cluster, options: K6Options): Promise<MeasuredRun> {
  const plan = makePlan(cell.scenario, cluster, options);
  const folder = inRepository('.cache/bench');
  mkdirSync(folder, { recursive: true });
  const planFile = `${folder}/k6-plan-${String(process.pid)}.json`;
  // It holds tokens.
  writeFileSync(planFile, JSON.stringify(plan), { mode: 0o600 });
  const marks = new Map<string, CpuReading>();
  const { action, script } = k6Scenarios[cell.scenario];
  let acting = Promise.resolve();
  try {
    const result = await runK6({
      binary: requireK6(),
      script,
      planFile,
      limitMs: plan.schedule.endMs + graceMs,
      onMark: (edge, k6) => {
        if (edge === 'action') {
          if (action !== undefined) acting = act(action, cluster);
          return;
        }
        // Of nodes that are replaced meanwhile there is no difference of two readings.
        const gateways = action === undefined ? cluster.nodes.map(({ pid }) => pid) : [];
        const broker = cluster.broker === undefined ? [] : [cluster.broker.process.pid];
        marks.set(edge, readCpu({ gateways, broker, k6: [k6] }));
      },
    });
    await acting;
    const [from, until] = [marks.get('from'), marks.get('until')];
    if (from === undefined || until === undefined) throw new Error('k6 did not mark its window');
    const cpu = cpuBetween(from, until);
    const invalid = whyInvalid(result, cpu);
    const isOrdered = publishesInOrder(cell.scenario);
    const broken = whatBroke(result, { isOrdered, isValid: invalid.length === 0 });
    return { ...cell, rate: plan.rate, result, cpu, invalid, broken };
  } finally {
    rmSync(planFile, { force: true });
  }
}

/** All cells, as often as asked; the repetitions are the outer loop, so that cells take turns. */
function cellsOf({ scenarios, backplanes, nodes, repeats }: K6Options): readonly K6Cell[] {
  const cells = scenarios.flatMap((scenario) =>
    backplanes.flatMap((backplane) =>
      nodes
        .filter((count) => whyNoCell(scenario, backplane, count) === undefined)
        .map((count) => ({ scenario, backplane, nodes: count })),
    ),
  );
  return Array.from({ length: repeats }, () => cells).flat();
}

function describe({
  scenario,
  backplane,
  nodes,
  result,
  cpu,
  invalid,
  broken,
}: MeasuredRun): string {
  const p99 = percentile(mergeSamples([result.deliveryUs]), 0.99);
  const k6 = Math.round((cpu.coresOf['k6'] ?? 0) * 100);
  const verdict =
    (invalid.length === 0 ? '' : ` (invalid: ${invalid.join(', ')})`) +
    (broken.length === 0 ? '' : ` (BROKEN: ${broken.join(', ')})`);
  return (
    `${scenario} on ${backplane}, ${String(nodes)} nodes: ${String(result.delivered)} of ` +
    `${String(result.expected)} delivered, ${String(result.duplicate)} twice, p99 ` +
    `${formatMs(p99)} ms, k6 CPU ${String(k6)} %${verdict}`
  );
}

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(k6Usage);
    return 0;
  }
  const options = parseK6Options(args);
  const machine = { ...describeMachine(), k6: k6Version(requireK6()) };
  const cells = cellsOf(options);
  if (cells.length === 0) {
    const [scenario = 'fanout'] = options.scenarios;
    const why = whyNoCell(scenario, options.backplanes[0] ?? 'memory', options.nodes[0] ?? 1);
    throw new UsageError(`there is nothing to measure: ${why ?? 'no cell is left'}`);
  }
  const runs: MeasuredRun[] = [];
  for (const cell of cells) {
    const run = await measure(cell, options);
    runs.push(run);
    progress(describe(run));
  }
  const section = summarize(options, runs);
  const command = `npm run bench:k6 -- ${args.join(' ')}`;
  const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
  const path = writeK6Report({ machine, command, sections: [section] }, runs, stamp);
  process.stdout.write(`\n${formatSection(section)}\n\nWritten to ${path} and files beside it.\n`);
  const isGood = runs.every(({ broken }) => broken.length === 0);
  return isGood && runs.some(({ invalid }) => invalid.length === 0) ? 0 : 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
  if (error instanceof UsageError) process.stderr.write(k6Usage);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
