import { act, fireEvent, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import React from 'react';

import { START } from '../../state/fixtures';
import { type Travel } from '../../state/player';
import { testIds } from '../../testIds';
import { TravelBar } from './TravelBar';

const TRAVEL: Travel = {
  from: START,
  until: START + 300_000,
  position: START + 60_000,
  playing: false,
  speed: 1,
  loading: false,
};

function show(more: Partial<Travel> = {}) {
  const does = {
    onSpan: jest.fn(),
    onSeek: jest.fn(),
    onPlaying: jest.fn(),
    onSpeed: jest.fn(),
    onStep: jest.fn(),
    onStepBack: jest.fn(),
    onLive: jest.fn(),
  };
  render(<TravelBar travel={{ ...TRAVEL, ...more }} span="5m" timeZone="utc" {...does} />);
  return does;
}

// A click takes long on a busy machine.
jest.setTimeout(30_000);

describe('TravelBar', () => {
  it('says in words where the slider stands', () => {
    show();
    expect(screen.getByRole('slider', { name: 'Time' })).toHaveAttribute('aria-valuetext', '2026-02-14 09:13:33');
    expect(screen.getByTestId(testIds.position)).toHaveTextContent('2026-02-14 09:13:33');
  });

  it('asks for the place where a drag rests, and for none on the way', () => {
    jest.useFakeTimers();
    try {
      const { onSeek } = show();
      const slider = screen.getByTestId(testIds.slider);
      for (const seconds of [90, 120, 150]) {
        fireEvent.change(slider, { target: { value: String(START + seconds * 1000) } });
        act(() => jest.advanceTimersByTime(100));
      }
      expect(onSeek).not.toHaveBeenCalled();
      expect(screen.getByTestId(testIds.position)).toHaveTextContent('2026-02-14 09:15:03');
      act(() => jest.advanceTimersByTime(100));
      expect(onSeek.mock.calls).toEqual([[START + 150_000]]);
    } finally {
      jest.useRealTimers();
    }
  });

  it('plays, pauses, steps and comes back', async () => {
    const { onPlaying, onStep, onStepBack, onLive, onSpan } = show({ playing: true });
    await userEvent.click(screen.getByRole('button', { name: 'Pause' }));
    await userEvent.click(screen.getByRole('button', { name: 'One event on' }));
    await userEvent.click(screen.getByRole('button', { name: 'One event back' }));
    await userEvent.click(screen.getByRole('button', { name: 'Back to live' }));
    await userEvent.click(screen.getByRole('radio', { name: '24 h' }));
    expect(onPlaying.mock.calls).toEqual([[false]]);
    expect([onStep, onStepBack, onLive].map((does) => does.mock.calls.length)).toEqual([1, 1, 1]);
    expect(onSpan.mock.calls[0][0]).toBe('24h');
  });
});
