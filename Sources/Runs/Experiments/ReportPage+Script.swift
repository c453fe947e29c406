extension ReportPage {
  /// Buttons that play an episode's films together, and controls that cover a film only while it is pointed at; without
  /// scripts each film has its controls all the time.
  static let playScript = """
    const wire = part => part.querySelectorAll('.episode').forEach(row => {
      const films = [...row.querySelectorAll('video')], button = row.querySelector('.playall');
      films.forEach(film => {
        film.controls = false;
        film.tabIndex = 0;
        film.onmouseenter = film.onfocus = () => { film.controls = true; };
        film.onmouseleave = film.onblur = () => { film.controls = false; };
        film.onclick = () => { if (!film.controls) { if (film.paused) film.play(); else film.pause(); } };
      });
      if (films.length < 2) return;
      button.hidden = false;
      button.onclick = () => {
        const starts = films.every(film => film.paused);
        films.forEach(film => { if (starts) { film.currentTime = 0; film.play(); } else film.pause(); });
        button.textContent = starts ? '\\u275a\\u275a pause all' : '\\u25b6 play all';
      };
    });
    wire(document);

    """

  /// Replaces the parts that changed, where the reader is not watching a film, and keeps the place and what is open.
  static let liveScript = """
    const state = document.getElementById('live');
    const replace = (old, text) => {
      const fresh = new DOMParser().parseFromString(text, 'text/html').body.firstElementChild;
      const open = [...old.querySelectorAll('details')].map(part => part.open);
      fresh.querySelectorAll('details').forEach((part, index) => { part.open = open[index] ?? false; });
      const parts = () => [...document.querySelectorAll('main > section')];
      const place = parts().findIndex(part => part.getBoundingClientRect().bottom > 0);
      const before = parts()[place]?.getBoundingClientRect().top;
      old.replaceWith(fresh);
      wire(fresh);
      if (place >= 0) scrollBy(0, parts()[place].getBoundingClientRect().top - before);
    };
    const poll = async () => {
      try {
        const digests = await (await fetch('digests')).json();
        for (const [id, digest] of Object.entries(digests)) {
          const old = document.getElementById(id);
          if (!old) { location.reload(); return; }
          if (old.dataset.digest === digest) continue;
          if ([...old.querySelectorAll('video')].some(film => !film.paused)) continue;
          const answer = await fetch('section/' + id);
          if (answer.ok) replace(old, await answer.text());
        }
        state.textContent = 'live';
      } catch { state.textContent = 'the server does not answer; the page shows what it last said'; }
      setTimeout(poll, 2000);
    };
    setTimeout(poll, 2000);

    """
}
