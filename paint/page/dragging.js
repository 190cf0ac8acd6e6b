// Calls `move(dx, dy)`, in pixels of the screen, while a pointer drags an element over the picture.
export function draggable(element, move) {
  let last; // event of the pointer that drags; a second pointer is ignored
  element.addEventListener("pointerdown", (event) => {
    if (last) return;
    element.setPointerCapture(event.pointerId);
    last = event;
  });
  element.addEventListener("pointermove", (event) => {
    if (event.pointerId !== last?.pointerId) return;
    move(event.clientX - last.clientX, event.clientY - last.clientY);
    last = event;
  });
  element.addEventListener("lostpointercapture", (event) => {
    if (event.pointerId === last?.pointerId) last = undefined;
  });
}
