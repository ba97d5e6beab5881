/** The runs behind the watched ratios: the two servers of a ratio take turns. */
import { crossTargets } from '../micro/cross/targets.ts';
import type { BenchOptions } from '../micro/options.ts';
import { chooseTargets } from '../micro/targets.ts';
import type { Measurement } from '../report/data.ts';
import { measureAccept, measureCross, measureFanout, measureIdle } from '../report/measure.ts';
import { fanoutRate } from './ratios.ts';

export interface SeriesSizes {
  readonly turns: number;
  readonly crossRate: number;
}

/** One series: every ratio once, from `turns` runs of either side. */
export async function runSeries(
  options: BenchOptions,
  { crossRate, turns }: SeriesSizes,
): Promise<readonly Measurement[]> {
  const measurements: Measurement[] = [];
  for (let turn = 0; turn < turns; turn++) {
    for (const target of chooseTargets(['gateway', 'topics-deferred'])) {
      measurements.push(await measureFanout('fanout', target, fanoutRate, options));
    }
    for (const target of chooseTargets(['gateway', 'topics'])) {
      measurements.push(await measureAccept(target, options.acceptConnections));
      measurements.push(await measureIdle(target, options.idleConnections));
    }
    for (const target of crossTargets(['gateway-redis', 'socket.io-redis'])) {
      const how = { rate: crossRate, options, withProbe: false };
      measurements.push(...(await measureCross('cross', target, how)));
    }
  }
  return measurements;
}
