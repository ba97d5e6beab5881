/** One run of a busy group, in which some members read at a trickle. */
import type { SlowConsumerPolicy } from '../../../gateway/config.ts';
import { gatewayTarget, streamSettings } from '../gateway-target.ts';
import { readMetricsPage, sumMetric } from '../metrics-page.ts';
import type { ThrottledOptions } from '../options.ts';
import { ProcessWatch } from '../process-watch.ts';
import { loadServer, withServer } from '../run-load.ts';
import { generatorBusyShareMax } from '../scenarios/fanout.ts';
import { mergeSamples, percentile } from '../statistics.ts';

export interface ThrottledRun {
  readonly policy: SlowConsumerPolicy;
  readonly throttled: number;
  readonly cpuShare: number;
  /** Of those that are not throttled. */
  readonly p50Us: number | undefined;
  readonly p99Us: number | undefined;
  readonly complete: number;
  /** Highest of the run minus the reading before the first message. */
  readonly processPeakBytes: number;
  readonly tcpPeakBytes: number;
  /** What the gateway says when the window is over. */
  readonly counters: ThrottledCounters;
  /** What the throttled ones met: frames with a gap, messages these tell of, close codes. */
  readonly gaps: number;
  readonly gapDropped: number;
  readonly messages: number;
  readonly closeCodes: Readonly<Record<string, number>>;
  /** Throttled ones whose connection ended, and how many of them without a close frame. */
  readonly ended: number;
  readonly cut: number;
  readonly busyShare: number;
  readonly isValid: boolean;
}

export interface ThrottledCounters {
  readonly congested: number | undefined;
  readonly retainedBytes: number | undefined;
  readonly stalled: number | undefined;
  readonly fellBehind: number | undefined;
  readonly toldToResume: number | undefined;
  readonly sendBufferFull: number | undefined;
  readonly dropped: number | undefined;
  readonly told: number | undefined;
}

export interface SampledThrottledRun {
  readonly run: ThrottledRun;
  readonly samplesUs: Uint32Array;
}

const metricsMsMax = 2000;
/** The size with which a small device offers its window; the sender's buffer is the system's. */
const receiveBufferBytes = 32_768;

/** A fresh gateway with all connections in one stream. */
export async function runThrottled(
  policy: SlowConsumerPolicy,
  throttled: number,
  options: ThrottledOptions,
): Promise<SampledThrottledRun> {
  const { bytesPerSecond, connections, payloadBytes, rate, seconds } = options;
  const { streams } = streamSettings.hubs['*'];
  const target = gatewayTarget({
    name: `throttled ${policy}`,
    protocol: 'trunkline.v1.json',
    group: 'stream{d}',
    noEcho: false,
    settings: {
      ...streamSettings,
      hubs: { '*': { streams, slowConsumers: [{ match: 'group:**', policy }] } },
    },
  });
  return await withServer(target, false, async (server) => {
    const watch = new ProcessWatch([server.pid]);
    let page: Promise<string | undefined> = Promise.resolve(undefined);
    const result = await loadServer(
      server,
      {
        target,
        clients: { connections, groupSize: connections, join: true },
        generator: {
          rate,
          stalled: throttled,
          ...(throttled === 0 ? {} : { throttle: bytesPerSecond }),
          receiveBuffer: receiveBufferBytes,
          publishers: 1,
          payload: payloadBytes,
          warmup: 1,
          duration: seconds,
          // After the window the throttled ones read on at once, to what they are told last.
          drain: 5,
          sampled: 50,
          lazyMs: 20,
          limit: seconds + 60,
          hold: true,
        },
      },
      {
        onReady: () => {
          watch.start();
        },
        onMeasured: async () => {
          page = readMetricsPage(server.port, metricsMsMax);
          await watch.stop();
          await page;
        },
      },
    );
    await watch.stop();
    const sorted = mergeSamples([result.samplesUs]);
    const run: ThrottledRun = {
      policy,
      throttled,
      cpuShare: result.serverCpuSeconds / result.seconds,
      p50Us: percentile(sorted, 0.5),
      p99Us: percentile(sorted, 0.99),
      complete: result.delivered / result.expected,
      processPeakBytes: watch.rise.rssBytes,
      tcpPeakBytes: watch.rise.tcpBytes,
      counters: countersOf((await page) ?? ''),
      gaps: result.gaps,
      gapDropped: result.gapDropped,
      messages: result.throttledFrames,
      closeCodes: result.closeCodes,
      ended: result.stalledCut,
      cut: Math.max(0, result.stalledCut - result.closedByServer),
      busyShare: result.busyShare,
      isValid: result.busyShare <= generatorBusyShareMax,
    };
    return { run, samplesUs: sorted };
  });
}

function countersOf(page: string): ThrottledCounters {
  const closed = (cause: string): number | undefined =>
    sumMetric(page, 'trunkline_slow_consumers_closed_total', `cause="${cause}"`);
  return {
    congested: sumMetric(page, 'trunkline_congested_connections'),
    retainedBytes: sumMetric(page, 'trunkline_retained_bytes'),
    stalled: closed('stalled'),
    fellBehind: closed('fell_behind'),
    toldToResume: closed('told_to_resume'),
    sendBufferFull: closed('send_buffer_full'),
    dropped: sumMetric(page, 'trunkline_slow_consumers_dropped_total'),
    told: sumMetric(page, 'trunkline_slow_consumers_told_total'),
  };
}
