/** What `npm run bench:report` runs: the steps, their loads, and about how long each takes. */
import { crossTargets } from '../micro/cross/targets.ts';
import { parseOptions, type BenchOptions } from '../micro/options.ts';
import { chooseTargets, type TargetName } from '../micro/targets.ts';
import { whyNoEngine } from '../peers/centrifugo-programs.ts';
import { jitterTargets } from '../peers/jitter/jitter-targets.ts';
import type { Measurement } from './data.ts';
import {
  measureAccept,
  measureBroker,
  measureCross,
  measureFanout,
  measureIdle,
  measureJitter,
} from './measure.ts';
import { measureScale } from './scale.ts';
import { highestHeld, searchHighest } from './search.ts';
import { measureStalledApart } from './stalled-apart.ts';

export type OnRun = (measurement: Measurement) => void;

export interface Step {
  readonly name: string;
  /** About how long it takes on the machine of the committed report. */
  readonly seconds: number;
  /** Hands over each run when it is done. @param earlier what the steps before have given */
  readonly run: (onRun: OnRun, earlier: readonly Measurement[]) => Promise<void>;
}

const servers = ['gateway', 'topics', 'topics-deferred', 'socket.io', 'ws'] as const;
const crossServers = ['gateway-redis', 'gateway-nats', 'socket.io-redis', 'ws-redis'] as const;
const wholeOf = (names: readonly TargetName[]): readonly TargetName[] =>
  names.filter((name) => name !== 'topics-deferred');
const idleSizes = [2500, 5000, 10_000];
const oneWorkerMost = 19_000;
const scaleNodes = [1, 2, 3];
const scaleRates = [1000, 3000];

/** Where the searches begin, so that few runs are spent far from the end. */
const startsOfFanout: Readonly<Record<string, number>> = {
  'socket.io': 50,
  ws: 50,
  centrifugo: 400,
};
const fanoutStart = 2000;
const crossStart = 12_000;

/** @param isQuick every step in its shortest form: shows that it works, measures little */
export function selectSteps(isQuick: boolean): readonly Step[] {
  const quick = isQuick
    ? ['--quick', '--seconds', '1', '--subscribers', '200', '--pairs', '50']
    : [];
  const options = parseOptions(['fanout', ...quick]);
  const hasEngine = whyNoEngine() === undefined;
  const names: readonly TargetName[] = hasEngine ? [...servers, 'centrifugo'] : servers;
  const crossNames = hasEngine ? ([...crossServers, 'centrifugo-redis'] as const) : crossServers;
  const cross = crossTargets(crossNames);
  return [
    ...localSteps(names, options, isQuick),
    {
      name: 'cross',
      seconds: isQuick ? 40 : 100,
      run: async (onRun) => {
        for (let repeat = 0; repeat < (isQuick ? 1 : 2); repeat++) {
          for (const target of cross) {
            const how = { rate: isQuick ? 500 : 3000, options, withProbe: false };
            for (const each of await measureCross('cross', target, how)) onRun(each);
          }
        }
      },
    },
    {
      name: 'cross-highest',
      seconds: isQuick ? 0 : 300,
      run: async (onRun) => {
        if (isQuick) return;
        const candidates = cross.map((target) => ({
          name: target.name,
          start: crossStart,
          measure: async (rate: number) => {
            const how = { rate, options, withProbe: false };
            const [whole] = await measureCross('cross-highest', target, how);
            if (whole === undefined) throw new Error('a run has a measurement');
            return whole;
          },
        }));
        await searchHighest(candidates, onRun);
      },
    },
    {
      name: 'cross-half',
      seconds: isQuick ? 0 : 80,
      run: async (onRun, earlier) => {
        for (const target of cross) {
          const highest = highestHeld(earlier, 'cross-highest', target.name)?.params['rate'];
          if (highest === undefined) continue;
          const how = { rate: Math.round(highest / 2), options, withProbe: true };
          for (const each of await measureCross('cross-half', target, how)) onRun(each);
        }
      },
    },
    ...clusterSteps(options, isQuick),
  ];
}

/** Steps with one server at a time. */
function localSteps(
  names: readonly TargetName[],
  options: BenchOptions,
  isQuick: boolean,
): readonly Step[] {
  const targets = chooseTargets(names);
  const whole = chooseTargets(wholeOf(names));
  return [
    {
      name: 'fanout',
      seconds: isQuick ? 40 : 190,
      run: async (onRun) => {
        for (const rate of isQuick ? [50] : [50, 1000]) {
          for (let repeat = 0; repeat < (isQuick ? 1 : 2); repeat++) {
            for (const target of targets)
              onRun(await measureFanout('fanout', target, rate, options));
          }
        }
      },
    },
    {
      name: 'fanout-highest',
      seconds: isQuick ? 0 : 320,
      run: async (onRun) => {
        if (isQuick) return;
        const candidates = targets.map((target) => ({
          name: target.name,
          start: startsOfFanout[target.name] ?? fanoutStart,
          measure: (rate: number) => measureFanout('fanout-highest', target, rate, options),
        }));
        await searchHighest(candidates, onRun);
      },
    },
    {
      name: 'idle',
      seconds: isQuick ? 50 : 190,
      run: async (onRun) => {
        for (const connections of isQuick ? [500] : idleSizes) {
          for (const target of whole) onRun(await measureIdle(target, connections));
        }
        const [gateway] = whole;
        if (!isQuick && gateway !== undefined) onRun(await measureIdle(gateway, oneWorkerMost));
      },
    },
    {
      name: 'accept',
      seconds: isQuick ? 15 : 50,
      run: async (onRun) => {
        for (let repeat = 0; repeat < (isQuick ? 1 : 2); repeat++) {
          for (const target of whole) {
            onRun(await measureAccept(target, isQuick ? 1000 : options.acceptConnections));
          }
        }
      },
    },
  ];
}

/** Steps with clusters, brokers, and clients that come back. */
function clusterSteps(options: BenchOptions, isQuick: boolean): readonly Step[] {
  return [
    {
      name: 'scale',
      seconds: isQuick ? 50 : 120,
      run: async (onRun) => {
        for (const rate of isQuick ? [200] : scaleRates) {
          for (const nodes of scaleNodes) {
            for (const backplane of ['redis', 'nats'] as const) {
              const load = { backplane, nodes, rate, groups: isQuick ? 20 : 100 };
              const { payloadBytes, windowSeconds: seconds } = options;
              onRun(await measureScale({ ...load, payloadBytes, seconds }));
            }
          }
        }
      },
    },
    {
      name: 'brokers',
      seconds: isQuick ? 15 : 40,
      run: async (onRun) => {
        for (const broker of ['redis', 'nats'] as const) {
          for (const receivers of [1, 4, 16]) {
            onRun(await measureBroker(broker, receivers, options));
          }
        }
      },
    },
    {
      name: 'jitter',
      seconds: isQuick ? 60 : 210,
      run: async (onRun) => {
        const jitter = { ...options.jitter, ...(isQuick ? {} : { seconds: 30 }) };
        for (const target of jitterTargets) {
          if (target.name === 'centrifugo' && whyNoEngine() !== undefined) continue;
          onRun(await measureJitter(target, isQuick ? { ...jitter, seconds: 4 } : jitter));
        }
      },
    },
    {
      name: 'stalled',
      seconds: isQuick ? 120 : 130,
      run: async (onRun) => {
        for (const each of measureStalledApart(isQuick)) onRun(each);
      },
    },
  ];
}
