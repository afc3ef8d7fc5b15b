// The window's title: the page's, after the number of conversations that wait for a person.

let page = "";
let waiting = 0;

function write() {
  const count = waiting > 0 ? `(${waiting > 99 ? "99+" : waiting}) ` : "";
  document.title = `${count}${page} · frontdesk`;
}

/** Sets the page's title. */
export function setPageTitle(title: string) {
  page = title;
  write();
}

/** Sets how many conversations wait for a person. */
export function setWaiting(count: number) {
  waiting = count;
  write();
}
