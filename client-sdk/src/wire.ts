/** The objects of trunkline.v1.json (docs/PROTOCOL.md section 4) as far as this client reads them. */

/** A place in a stream: after the message with that offset. Kept and sent back as it came. */
export interface Position {
  readonly epoch: string;
  readonly offset: number;
  readonly tag: number;
}

/** How a message's data is carried. */
export type DataType = 'json' | 'text' | 'binary' | 'protobuf';

/** Where messages go: a group, this connection's user, or all of the hub. */
export type Destination = { readonly group: string } | { readonly to: 'user' | 'all' };

/** Any object of the gateway. Which properties there are depends on `type`. */
export interface GatewayFrame {
  readonly type: string;
  readonly event?: string;
  readonly group?: string;
  readonly to?: string;
  readonly from?: unknown;
  readonly fromUserId?: string | null;
  readonly id?: string;
  readonly offset?: number;
  readonly prev?: number;
  readonly tag?: number;
  readonly time?: number;
  readonly dataType?: DataType;
  readonly data?: unknown;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly position?: Position;
  readonly next?: Position;
  readonly dropped?: number;
  readonly reason?: string;
  readonly withinMs?: number;
  readonly userId?: string | null;
  readonly connectionId?: string;
  readonly heartbeatMs?: number;
  readonly tokenExpiresInMs?: number;
  readonly streams?: readonly {
    readonly group?: string;
    readonly to?: string;
    readonly position: Position;
  }[];
  readonly ackId?: number;
  readonly invocationId?: string;
  readonly success?: boolean;
  readonly recovered?: boolean;
  readonly error?: { readonly name: string; readonly message: string };
  readonly messages?: readonly GatewayFrame[];
  readonly isComplete?: boolean;
  readonly hasMore?: boolean;
}

/** An object for the gateway; `undefined` properties are left out. */
export type ClientFrame = { readonly type: string } & Readonly<Record<string, unknown>>;

/** The subprotocol that this client offers. */
export const subprotocol = 'trunkline.v1.json';

/** One string per destination. */
export function keyOf({ group, to }: { readonly group?: string; readonly to?: string }): string {
  return group === undefined ? String(to) : `group:${group}`;
}
