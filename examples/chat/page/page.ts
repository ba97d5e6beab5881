/** The page of a signed-in person: shows the chat, and does what the user asks for. */
import { peopleOf, severities, type ChatState } from '../shared/schema.ts';
import type { Api } from './api.ts';
import { Chat, type ChatOwner } from './chat.ts';
import { browserClock } from './clock.ts';
import type { Conversation } from './conversation.ts';
import type { PostedNotice } from './model/notice-board.ts';
import type { Received } from './model/timeline.ts';
import type { Screen } from './screen.ts';
import { Toasts } from './toasts.ts';
import { newUi, type DialogName, type Ui } from './ui.ts';
import { shell } from './views/shell.ts';

export interface PageOptions {
  readonly api: Api;
  readonly state: ChatState;
  readonly screen: Screen;
  /** The session is over, or the user has ended it. */
  readonly onSignedOut: () => void;
}

/** What a form has, by name. */
export type Fields = Readonly<Record<string, string>>;

export class Page implements ChatOwner {
  readonly #options: PageOptions;
  readonly #ui: Ui = newUi();
  readonly #toasts: Toasts;
  readonly #chat: Chat;
  #isDue = false;
  #isOver = false;
  /** "New" was looked for since the conversation was opened. */
  #isDivided = false;

  constructor(options: PageOptions) {
    const { api, state } = options;
    this.#options = options;
    this.#toasts = new Toasts(browserClock, () => this.onChange());
    this.#chat = new Chat({ api, state, clock: browserClock, owner: this });
    this.openFromAddress();
    this.onChange();
  }

  onChange(): void {
    if (this.#isDue || this.#isOver) return;
    this.#isDue = true;
    // What changes together is shown together; a frame would not come in a hidden tab.
    setTimeout(() => {
      this.#isDue = false;
      if (!this.#isOver) this.#show();
    });
  }

  onMessage(conversation: Conversation, { from, text }: Received): void {
    const name = this.#chat.person(from).name;
    const isOpen = this.#ui.open === conversation.name;
    this.#ui.announcement = `${name}: ${text}`;
    if (isOpen || peopleOf(conversation.name) === undefined) return;
    const key = `message-${conversation.name}`;
    this.#toasts.add({
      key,
      title: name,
      body: text,
      severity: 'info',
      conversation: conversation.name,
    });
  }

  onNotice({ body, id, severity, title }: PostedNotice): void {
    this.#toasts.add({ key: id, title, body, severity });
  }

  onNoticesWaiting(count: number): void {
    const title = count === 1 ? 'A notification is' : `${count} notifications are`;
    this.#toasts.add({
      key: 'waiting',
      title: `${title} waiting for you`,
      body: 'Open the notifications to read what came while you were away.',
      severity: 'info',
    });
  }

  onTrouble(sentence: string): void {
    this.#toasts.add({ key: 'trouble', title: sentence, body: '', severity: 'error' });
  }

  onSignedOut(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#toasts.clear();
    this.#chat.close();
    this.#options.onSignedOut();
  }

  /** The part of the address after `#/` names the open conversation. */
  openFromAddress(): void {
    const name = location.hash.startsWith('#/') ? location.hash.slice(2) : '';
    const open = this.#chat.conversation(name)?.name;
    if (open === this.#ui.open) return;
    this.#ui.open = open;
    this.#ui.firstUnread = undefined;
    this.#isDivided = false;
    this.#toasts.drop(`message-${name}`);
    this.onChange();
  }

  open(name: string): void {
    const { screen } = this.#options;
    location.hash = `/${name}`;
    this.openFromAddress();
    this.#show();
    // On a telephone the keyboard would cover what is to be read.
    if (matchMedia('(min-width: 48rem)').matches) screen.focus('.composer textarea');
    else screen.focus('.thread-header .back');
  }

  back(): void {
    const name = this.#ui.open ?? '';
    location.hash = '/';
    this.openFromAddress();
    this.#show();
    this.#options.screen.focus(`[data-conversation="${CSS.escape(name)}"]`);
  }

  toggleCentre(): void {
    this.#ui.isCentreOpen = !this.#ui.isCentreOpen;
    this.#toasts.drop('waiting');
    this.#show();
    this.#options.screen.focus(this.#ui.isCentreOpen ? '#centre-title' : '[data-key=bell]');
  }

  /** Closes what is open above the conversation. */
  escape(): void {
    // A dialog closes itself.
    if (this.#ui.dialog === undefined && this.#ui.isCentreOpen) this.toggleCentre();
  }

  openDialog(name: DialogName): void {
    this.#options.screen.rememberFocus();
    this.#ui.dialog = name;
    this.#show();
  }

  closeDialog(): void {
    if (this.#ui.dialog === undefined) return;
    this.#ui.dialog = undefined;
    this.#show();
    this.#options.screen.returnFocus();
  }

  dismiss(toast: string): void {
    this.#toasts.drop(toast);
  }

  write(): void {
    this.#openConversation?.teller.onInput();
  }

  send(text: string): void {
    if (text.trim() === '') return;
    void this.#openConversation?.send(text.trim(), newKey(), Date.now());
    this.#options.screen.clearDraft();
    this.#show();
    this.#options.screen.scrollToEnd();
  }

  retry(key: string, text: string): void {
    const [, ownKey = key] = key.split('/');
    void this.#openConversation?.send(text, ownKey, Date.now());
  }

  /** The user scrolls, or comes back to the page. */
  look(): void {
    if (this.#options.screen.isAtBeginning()) this.loadOlder();
    this.#see();
  }

  loadOlder(): void {
    void this.#openConversation?.loadOlder();
  }

  async notify(fields: Fields): Promise<void> {
    const { body = '', severity, title = '', topic = '' } = fields;
    const isSent = await this.#chat.notify({
      title,
      body,
      severity: severities.find((each) => each === severity) ?? 'info',
      ...(topic !== '' && { topic }),
    });
    if (isSent) this.closeDialog();
  }

  async joinRoom(name: string): Promise<void> {
    await this.#chat.joinRoom(name);
    this.closeDialog();
    this.open(name);
  }

  async leaveRoom(name: string): Promise<void> {
    await this.#chat.leaveRoom(name);
    this.back();
  }

  async befriend(person: string): Promise<void> {
    await this.#chat.befriend(person);
  }

  async subscribe(topic: string, isWanted: boolean): Promise<void> {
    await this.#chat.subscribe(topic, isWanted);
  }

  async read(notice: string): Promise<void> {
    this.#toasts.drop(notice);
    await this.#chat.markNoticesRead([notice]);
  }

  async readAll(): Promise<void> {
    await this.#chat.markNoticesRead(this.#chat.notices.unread.map(({ id }) => id));
  }

  reconnect(): void {
    this.#chat.reconnect();
  }

  async signOut(): Promise<void> {
    await this.#chat.signOut();
    this.onSignedOut();
  }

  get #openConversation(): Conversation | undefined {
    return this.#ui.open === undefined ? undefined : this.#chat.conversation(this.#ui.open);
  }

  #show(): void {
    // A reload may have brought what the address names, or taken it away.
    this.openFromAddress();
    this.#ui.toasts = this.#toasts.shown;
    this.#options.screen.show(shell(this.#chat, this.#ui));
    const unread = this.#chat.conversations.reduce((sum, each) => sum + each.unread, 0);
    const count = unread + this.#chat.notices.unread.length;
    document.title = `${count > 0 ? `(${count}) ` : ''}Harbour Chat`;
    this.#see();
  }

  /** What is before the user's eyes is read. */
  #see(): void {
    const conversation = this.#openConversation;
    if (conversation?.isLoaded !== true || document.visibilityState !== 'visible') return;
    if (!this.#isDivided) {
      this.#isDivided = true;
      this.#ui.firstUnread = conversation.firstUnread?.key;
      if (this.#ui.firstUnread !== undefined) this.onChange();
    }
    if (this.#options.screen.isAtEnd()) conversation.see();
  }
}

/** Unguessable, so that nobody else takes it first. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
