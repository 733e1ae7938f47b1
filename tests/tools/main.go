// Prints what `docker compose config --format json` would: docker-compose.yml as compose-go, the library behind
// it, reads and checks it. Usage: compose FILE[,FILE...] [PROFILE...]
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: compose FILE[,FILE...] [PROFILE...]")
		os.Exit(2)
	}
	text, err := load(os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(string(text))
}

func load(files string, profiles []string) ([]byte, error) {
	options, err := cli.NewProjectOptions(strings.Split(files, ","), cli.WithProfiles(profiles))
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	return project.MarshalJSON()
}
