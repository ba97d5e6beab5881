/** What the transport counts: plain numbers that only grow, read by telemetry whenever it likes. */
export interface TransportCounters {
  httpRequests: number;
  /** Requests and upgrades whose client went away before the answer. */
  abortedRequests: number;
  /** Requests and upgrades answered by the clock with 408 or 503. */
  timedOutRequests: number;
  upgradesAccepted: number;
  /** 503: more upgrades in this second than `upgradesPerSecondMax`. */
  upgradesRejectedRate: number;
  /** 503: `connectionsMax` are open. */
  upgradesRejectedConnections: number;
  /** 503: the reserve of file descriptors would be used. */
  upgradesRejectedDescriptors: number;
  /** Whatever `onUpgrade` answered instead of taking the socket. */
  upgradesRejectedByHandler: number;
  /** TCP connections closed at once because hardly a descriptor was left. */
  connectionsRefused: number;
  socketsClosed: number;
  textFramesIn: number;
  textBytesIn: number;
  binaryFramesIn: number;
  binaryBytesIn: number;
  oversizeFrames: number;
  pingFloods: number;
  framesOut: number;
  /** Payload bytes; frame headers are not counted. */
  bytesOut: number;
  /** Calls of `send` and `write` that reached an open socket. */
  writes: number;
  /** Frames refused because the send buffer was full; each cuts its socket. */
  droppedSends: number;
  /** Throws and rejections of handlers. */
  handlerErrors: number;
}

export function createTransportCounters(): TransportCounters {
  return {
    httpRequests: 0,
    abortedRequests: 0,
    timedOutRequests: 0,
    upgradesAccepted: 0,
    upgradesRejectedRate: 0,
    upgradesRejectedConnections: 0,
    upgradesRejectedDescriptors: 0,
    upgradesRejectedByHandler: 0,
    connectionsRefused: 0,
    socketsClosed: 0,
    textFramesIn: 0,
    textBytesIn: 0,
    binaryFramesIn: 0,
    binaryBytesIn: 0,
    oversizeFrames: 0,
    pingFloods: 0,
    framesOut: 0,
    bytesOut: 0,
    writes: 0,
    droppedSends: 0,
    handlerErrors: 0,
  };
}
