/** The few frames of `json.webpubsub.azure.v1` that a node speaks and understands. */

export const subprotocol = 'json.webpubsub.azure.v1';

/** Why the service did not do what was asked. */
export interface AckError {
  readonly name: string;
  readonly message: string;
}

export type ServiceFrame =
  | { readonly kind: 'connected' }
  | { readonly kind: 'disconnected'; readonly reason: string }
  | { readonly kind: 'ack'; readonly ackId: number; readonly error: AckError | undefined }
  | { readonly kind: 'data'; readonly group: string; readonly bytes: Buffer }
  /** A sign of life, or something of a later version. */
  | { readonly kind: 'other' };

export const pingFrame = '{"type":"ping"}';

export function joinFrame(group: string, ackId: number): string {
  return JSON.stringify({ type: 'joinGroup', group, ackId });
}

export function leaveFrame(group: string, ackId: number): string {
  return JSON.stringify({ type: 'leaveGroup', group, ackId });
}

export function sendFrame(group: string, payload: Buffer, ackId: number): string {
  const head = JSON.stringify({ type: 'sendToGroup', group, ackId, dataType: 'binary' });
  // Base64 needs no escaping, and it is most of the frame.
  return `${head.slice(0, -1)},"data":"${payload.toString('base64')}"}`;
}

/** Undefined when it is no JSON object: whoever sent it does not speak the subprotocol. */
export function parseFrame(text: string): ServiceFrame | undefined {
  const frame = parseObject(text);
  if (frame === undefined) return undefined;
  switch (frame['type']) {
    case 'ack':
      return ackOf(frame);
    case 'message':
      return messageOf(frame);
    case 'system':
      return systemOf(frame);
    default:
      return other;
  }
}

type Fields = Readonly<Record<string, unknown>>;

const other: ServiceFrame = { kind: 'other' };

function parseObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    // An object of JSON has string keys; every field is looked at before it is used.
    return typeof value === 'object' && value !== null ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}

function ackOf({ ackId, error, success }: Fields): ServiceFrame {
  if (typeof ackId !== 'number') return other;
  // JSON again: fields are looked at one by one.
  const { name, message } = (error ?? {}) as Fields;
  const isAccepted = success === true || name === 'Duplicate';
  const said = { name: textOf(name, 'Unknown'), message: textOf(message, '') };
  return { kind: 'ack', ackId, error: isAccepted ? undefined : said };
}

function messageOf({ data, dataType, from, group }: Fields): ServiceFrame {
  const isOurs = from === 'group' && dataType === 'binary';
  if (!isOurs || typeof group !== 'string' || typeof data !== 'string') return other;
  return { kind: 'data', group, bytes: Buffer.from(data, 'base64') };
}

function systemOf({ event, message }: Fields): ServiceFrame {
  if (event === 'connected') return { kind: 'connected' };
  if (event !== 'disconnected') return other;
  return { kind: 'disconnected', reason: textOf(message, 'the service closed it') };
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}
