import { render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import React from 'react';

import { type JsonValue } from '../../feed';
import { JsonTree } from './JsonTree';

const show = (value: JsonValue) => render(<JsonTree value={value} label="Payload" />);
const items = () => screen.getAllByRole('treeitem').map((item) => item.textContent);

// A click takes long on a busy machine.
jest.setTimeout(30_000);

describe('JsonTree', () => {
  it('is a tree to a screen reader', () => {
    show({ a: { b: 1 }, c: [] });
    expect(screen.getByRole('tree', { name: 'Payload' })).toBeInTheDocument();
    expect(screen.getAllByRole('treeitem').map((item) => item.getAttribute('aria-level'))).toEqual([
      '1',
      '2',
      '3',
      '2',
    ]);
    expect(screen.getByRole('treeitem', { name: /a: {1}/ })).toHaveAttribute('aria-expanded', 'true');
    expect(screen.getByRole('treeitem', { name: /c: \[0\]/ })).not.toHaveAttribute('aria-expanded');
  });

  it('closes and opens by keyboard', async () => {
    show({ a: { b: { c: 1 } } });
    await userEvent.tab();
    await userEvent.keyboard('{ArrowDown}{ArrowDown}{Enter}');
    expect(items()).toEqual(['▾{1}', '▾a: {1}', '▾b: {1}', 'c: 1']);
    await userEvent.keyboard('{ArrowLeft}{ArrowLeft}{ArrowLeft}');
    expect(items()).toEqual(['▾{1}', '▸a: {1}']);
  });

  it('shows more of a long text, and text as text', async () => {
    show({ text: `<b>${'x'.repeat(600)}` });
    await userEvent.click(screen.getByText(/103 more characters/));
    expect(items()[1]).toBe(`text: "<b>${'x'.repeat(600)}"`);
  });

  it('marks what was masked', () => {
    show({ password: '[masked:secret]', plain: 'text' });
    const [masked, plain] = [screen.getByText('"[masked:secret]"'), screen.getByText('"text"')];
    expect(masked.className).not.toBe(plain.className);
  });
});
