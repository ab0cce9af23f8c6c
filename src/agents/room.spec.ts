import { Room } from './room.js';

const turn = () => new Promise(setImmediate);

describe('room for so much', () => {
  it('lets in whoever fits, and the others in their order when somebody leaves', async () => {
    const room = new Room(10);
    const entered: number[] = [];
    await room.enter(6);
    for (const size of [5, 1, 4]) void room.enter(size).then(() => entered.push(size));
    await turn();
    expect([entered, room.isCrowded, room.tryEnter(1)]).toEqual([[], true, false]);
    room.leave(6);
    await turn();
    expect([entered, room.isCrowded]).toEqual([[5, 1, 4], false]);
    expect(room.tryEnter(1)).toBe(false);
    room.leave(5);
    expect(room.tryEnter(5)).toBe(true);
  });

  it('lets in what is larger than itself when nobody else is there', async () => {
    const room = new Room(10);
    expect(room.tryEnter(20)).toBe(true);
    expect(room.tryEnter(1)).toBe(false);
    room.leave(20);
    expect(room.tryEnter(1)).toBe(true);
    expect(room.tryEnter(20)).toBe(false);
  });
});
