import { ReplayClock } from './clock';

describe('ReplayClock', () => {
  it('stands until it is played, runs at its speed, and keeps its place when the speed changes', () => {
    const clock = new ReplayClock(1000);
    expect(clock.at(50)).toBe(1000);
    clock.play(50);
    expect(clock.at(150)).toBe(1100);
    clock.setSpeed(10, 150);
    expect(clock.at(160)).toBe(1200);
    clock.setSpeed(0.5, 160);
    expect(clock.at(360)).toBe(1300);
    clock.pause(360);
    expect(clock.at(9999)).toBe(1300);
    expect(clock.playing).toBe(false);
  });

  it('goes where it is told, running or not', () => {
    const clock = new ReplayClock(0);
    clock.play(0);
    clock.seek(500, 10);
    expect(clock.at(20)).toBe(510);
  });
});
