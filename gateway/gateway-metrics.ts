/** Every counter of the gateway's parts under the name by which the metrics page shows it. */
import type { Router } from './router/router.ts';
import type { ReliableSessions } from './session/reliable/reliable-sessions.ts';
import type { SessionCounters } from './session/session-counters.ts';
import type { MetricSample, MetricSource } from './telemetry/metric-source.ts';
import type { TransportCounters } from './transport/counters.ts';

export interface GatewayMetricsOptions {
  readonly transport: TransportCounters;
  readonly sessions: SessionCounters;
  readonly router: Router;
  readonly reliable: Pick<
    ReliableSessions,
    'counters' | 'detachedCount' | 'frames' | 'size' | 'takeOvers'
  >;
}

export function gatewayMetrics(options: GatewayMetricsOptions): MetricSource[] {
  return [
    ...connectionMetrics(options),
    ...reliableMetrics(options),
    ...messageMetrics(options),
    ...backplaneMetrics(options.router),
    ...slowConsumerMetrics(options),
    ...transportMetrics(options.transport),
  ];
}

/** Says which node a page is of. */
export function nodeInfo(nodeId: string): MetricSource {
  return {
    name: 'trunkline_info',
    help: 'Always 1; the label says which node this is.',
    type: 'gauge',
    labelNames: ['node'],
    read: () => [sample('node', nodeId, 1)],
  };
}

function connectionMetrics({ sessions, transport }: GatewayMetricsOptions): MetricSource[] {
  return [
    gauge('connections', 'Client connections open now.', () => sessions.open),
    counter('connections_opened', 'Client connections accepted.', () => sessions.opened),
    {
      ...labelled(
        'connections_closed',
        'Connections closed by the gateway, by close code.',
        'code',
      ),
      read: () => samples('code', sessions.closes),
    },
    {
      ...labelled('upgrades_refused', 'Upgrades refused, by HTTP status and cause.', 'cause'),
      read: () => [
        sample('cause', 'rate', transport.upgradesRejectedRate),
        sample('cause', 'connections', transport.upgradesRejectedConnections),
        sample('cause', 'descriptors', transport.upgradesRejectedDescriptors),
        ...[...sessions.refusals].map(([status, value]) => sample('cause', `${status}`, value)),
      ],
    },
  ];
}

function reliableMetrics({ reliable }: GatewayMetricsOptions): MetricSource[] {
  const { counters, frames, takeOvers } = reliable;
  return [
    gauge('reliable_connections', 'Connections of reliable subprotocols.', () => reliable.size),
    gauge(
      'reliable_detached',
      'Reliable connections whose clients are away and may come back.',
      () => reliable.detachedCount,
    ),
    gauge(
      'reliable_held_bytes',
      'Bytes of messages that reliable clients have not acknowledged, each message once.',
      () => frames.bytes,
    ),
    counter('reliable_resumed', 'Reliable connections resumed.', () => counters.resumed),
    {
      ...labelled(
        'reliable_moved',
        'Reliable connections that changed their node: to this one, from it, or in vain.',
        'direction',
      ),
      read: () => [
        sample('direction', 'taken_over', takeOvers?.counters.takenOver ?? 0),
        sample('direction', 'handed_over', takeOvers?.counters.handedOver ?? 0),
        sample('direction', 'incomplete', takeOvers?.counters.incomplete ?? 0),
      ],
    },
    {
      ...labelled('reliable_resumes_refused', 'Resumes answered with 1008, by cause.', 'cause'),
      read: () => samples('cause', Object.entries(counters.refused)),
    },
    {
      ...labelled(
        'reliable_lost',
        'Reliable connections that ended while they waited for their clients, by cause.',
        'cause',
      ),
      read: () => [
        sample('cause', 'expired', counters.expired),
        sample('cause', 'overflow', counters.overflowed),
        sample('cause', 'node_full', counters.nodeFull),
        sample('cause', 'crowded_out', counters.crowdedOut),
        sample('cause', 'left_behind', counters.leftBehind),
      ],
    },
  ];
}

function messageMetrics({ router, sessions, transport }: GatewayMetricsOptions): MetricSource[] {
  const { fanout } = router;
  return [
    {
      ...labelled('commands', 'Commands of clients, by kind.', 'kind'),
      read: () => samples('kind', Object.entries(sessions.commands)),
    },
    {
      ...labelled('acks', 'Acknowledgements sent to clients, by outcome.', 'outcome'),
      read: () => [
        sample('outcome', 'success', sessions.acksSucceeded),
        sample('outcome', 'error', sessions.acksFailed),
        sample('outcome', 'duplicate', sessions.acksDuplicate),
      ],
    },
    counter(
      'silent_failures',
      'Operations that failed without an ackId or after their ack; their clients were not told.',
      () => sessions.silentFailures,
    ),
    counter('heartbeats_sent', 'Heartbeats sent to clients.', () => sessions.heartbeats),
    counter(
      'tokens_refreshed',
      'New tokens taken on open connections.',
      () => sessions.tokensRefreshed,
    ),
    counter(
      'tokens_expired',
      'Connections closed because their token had expired.',
      () => sessions.tokensExpired,
    ),
    counter('deliveries', 'Messages handed to connections in their turn.', () => fanout.deliveries),
    counter('writes', 'Writes that carried those messages.', () => fanout.writes),
    counter('expired', 'Messages dropped because their time to live ended.', () => fanout.expired),
    {
      ...labelled('received_bytes', 'Payload bytes of client frames, by frame type.', 'type'),
      read: () => [
        sample('type', 'text', transport.textBytesIn),
        sample('type', 'binary', transport.binaryBytesIn),
      ],
    },
    {
      ...labelled('received_frames', 'Client frames, by frame type.', 'type'),
      read: () => [
        sample('type', 'text', transport.textFramesIn),
        sample('type', 'binary', transport.binaryFramesIn),
      ],
    },
    counter('sent_frames', 'Frames sent to clients.', () => transport.framesOut),
    counter('sent_bytes', 'Payload bytes of frames sent to clients.', () => transport.bytesOut),
  ];
}

function backplaneMetrics(router: Router): MetricSource[] {
  const { counters, hubs } = router;
  return [
    gauge('backplane_up', '1 while the backplane takes publishes, else 0.', () =>
      router.unavailableReason() === undefined ? 1 : 0,
    ),
    gauge('destinations', 'Destinations in which this node has interest.', () => hubs.targetCount),
    counter('publishes', 'Publications handed to the backplane.', () => counters.publishes),
    counter('published_bytes', 'Bytes of their envelopes.', () => counters.publishedBytes),
    counter(
      'publish_errors',
      'Publications not accepted by the backplane, or without an answer.',
      () => counters.publishErrors,
    ),
    counter('envelopes', 'Envelopes that the backplane brought.', () => counters.envelopes),
    counter(
      'envelopes_unclaimed',
      'Envelopes for destinations without a member here.',
      () => counters.unclaimed,
    ),
    counter('envelopes_unreadable', 'Envelopes not understood.', () => counters.unreadable),
    counter(
      'repeats',
      'Live publications dropped because they came before with the same chosen id.',
      () => counters.repeats,
    ),
    counter('gaps', 'Times the backplane told of a possible loss.', () => counters.gaps),
    {
      ...labelled(
        'live_faults',
        'Live envelopes missing, repeated or late by the counters of their nodes.',
        'kind',
      ),
      read: () => [
        sample('kind', 'hole', counters.liveHoles),
        sample('kind', 'repeat', counters.liveRepeats),
        sample('kind', 'inversion', counters.liveInversions),
      ],
    },
  ];
}

function slowConsumerMetrics({ router, transport }: GatewayMetricsOptions): MetricSource[] {
  const { congestion, counters, ringBudget } = router;
  return [
    gauge('congested_connections', 'Connections that read too slowly now.', () => congestion.size),
    gauge('retained_bytes', 'Bytes kept for congested connections.', () => ringBudget.bytes),
    counter(
      'late_deliveries',
      'Messages given to congested connections after they drained.',
      () => congestion.lateDeliveries,
    ),
    {
      ...labelled('slow_consumers_closed', 'Slow connections closed, by cause.', 'cause'),
      read: () => [
        sample('cause', 'stalled', congestion.stalledCount),
        sample('cause', 'fell_behind', counters.slowCloses.disconnect),
        sample('cause', 'told_to_resume', counters.slowCloses['drop-and-recover']),
        sample('cause', 'send_buffer_full', transport.droppedSends),
      ],
    },
    {
      ...labelled(
        'slow_consumers_dropped',
        'Messages that slow connections were not given, by policy.',
        'policy',
      ),
      read: () => samples('policy', Object.entries(counters.slowDropped)),
    },
    {
      ...labelled(
        'slow_consumers_told',
        'Times that slow connections were told of dropped messages, by policy.',
        'policy',
      ),
      read: () => samples('policy', Object.entries(counters.slowNotices)),
    },
  ];
}

function transportMetrics(transport: TransportCounters): MetricSource[] {
  return [
    counter(
      'connections_refused',
      'TCP connections closed at once because file descriptors were short.',
      () => transport.connectionsRefused,
    ),
    counter('http_requests', 'HTTP requests.', () => transport.httpRequests),
    counter(
      'http_requests_aborted',
      'Requests whose client left before the answer.',
      () => transport.abortedRequests,
    ),
    counter(
      'http_requests_timed_out',
      'Requests answered by the clock.',
      () => transport.timedOutRequests,
    ),
    counter('frames_oversize', 'Client frames over the bound.', () => transport.oversizeFrames),
    counter('ping_floods', 'Connections closed for too many pings.', () => transport.pingFloods),
    counter(
      'handler_errors',
      'Errors of the gateway itself while it handled input.',
      () => transport.handlerErrors,
    ),
  ];
}

function counter(name: string, help: string, read: () => number): MetricSource {
  return {
    name: `trunkline_${name}_total`,
    help,
    type: 'counter',
    read: () => [{ value: read() }],
  };
}

function gauge(name: string, help: string, read: () => number): MetricSource {
  return { name: `trunkline_${name}`, help, type: 'gauge', read: () => [{ value: read() }] };
}

function labelled(name: string, help: string, label: string): Omit<MetricSource, 'read'> {
  return { name: `trunkline_${name}_total`, help, type: 'counter', labelNames: [label] };
}

function sample(label: string, key: string | number, value: number): MetricSample {
  return { labels: { [label]: key }, value };
}

function samples(
  label: string,
  counts: Iterable<readonly [string | number, number]>,
): MetricSample[] {
  return Array.from(counts, ([key, value]) => sample(label, key, value));
}
