package local

import "testing"

func TestADiskWithAMountStays(t *testing.T) {
	t.Parallel()
	const mounts = "22 1 254:1 / / rw,relatime - ext4 /dev/vda1 rw\n" +
		"90 22 0:50 / /m/one/disk/isolate/box rw - overlay overlay rw\n91 22 0:51 / /m/three/disk rw - tmpfs tmpfs rw\n"
	for dir, want := range map[string]string{"/m/one/disk": "/m/one/disk/isolate/box", "/m/two/disk": "", "/m/one/di": "",
		"/m/three/disk": "/m/three/disk", "/m/one/disk/isolate/box/deeper": ""} {
		if got := mountedIn(mounts, dir); got != want {
			t.Errorf("%s: %q, want %q", dir, got, want)
		}
	}
}

func TestTypesOfOneComputer(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{"process": true, "process.slow": true, "process.c8g-2": true, "process.": false,
		"processes": false, "process.a/b": false, "container": false, "": false} {
		if got := kinds().MatchString(name); got != want {
			t.Errorf("%q is a type: %t", name, got)
		}
	}
}
