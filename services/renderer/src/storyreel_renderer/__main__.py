from storyreel_renderer.app import main

main()
