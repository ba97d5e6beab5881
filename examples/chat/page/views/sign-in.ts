/** The first page: who are you? */
import type { Person } from '../../shared/schema.ts';
import { h, icon } from '../dom.ts';
import { icons } from './icons.ts';
import { avatar } from './parts.ts';

export function signInView(people: readonly Person[], trouble: string | undefined): HTMLElement {
  const choices = people.map((person) =>
    h(
      'li',
      { 'data-key': person.id },
      h(
        'button',
        { type: 'button', class: 'choice', 'data-action': 'sign-in', 'data-person': person.id },
        avatar(person),
        h(
          'span',
          { class: 'who' },
          h('span', { class: 'name' }, person.name),
          h('span', { class: 'subtle' }, person.title),
        ),
      ),
    ),
  );
  return h(
    'div',
    {},
    h(
      'main',
      { class: 'sign-in' },
      h(
        'section',
        { class: 'card', 'aria-labelledby': 'sign-in-title' },
        h('span', { class: 'brand-mark' }, icon(icons.anchor)),
        h('h1', { id: 'sign-in-title' }, 'Harbour Chat'),
        h('p', { class: 'subtle' }, 'Who are you? Each tab of your browser can be somebody else.'),
        h('ul', { class: 'choices', role: 'list' }, ...choices),
        h('p', { class: 'trouble', role: 'alert' }, trouble ?? ''),
      ),
    ),
  );
}
