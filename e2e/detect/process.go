package main

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// A process is the serin that is measured.
type process struct {
	cmd   *exec.Cmd
	log   *os.File
	ended chan struct{}
}

func launch(program, dir string, files []string, logTo string) (*process, error) {
	log, err := os.Create(logTo)
	if err != nil {
		return nil, fmt.Errorf("make the log of serin: %w", err)
	}
	args := []string{"run", "--dir", dir}
	for _, f := range files {
		args = append(args, "-f", f)
	}
	p := &process{cmd: exec.Command(program, args...), log: log, ended: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt from the keyboard is ours to pass on
	if err := p.cmd.Start(); err != nil {
		log.Close()
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended stands in its log
		close(p.ended)
	}()
	return p, nil
}

// stop asks serin to drain and end what it started, and waits.
func (p *process) stop() error {
	defer p.log.Close()
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-p.ended:
		return nil
	case <-time.After(time.Minute):
		_ = p.cmd.Process.Kill()
		<-p.ended
		return fmt.Errorf("serin did not end within a minute and was killed; its log is %s", p.log.Name())
	}
}
